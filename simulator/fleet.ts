import { createHistogram } from 'node:perf_hooks';
import type { Message } from './device-script.ts';
import { createFleetDevices } from './fleet-devices.ts';
import type { FleetDeps, FleetOptions } from './fleet-options.ts';
import { createSimulatorTelemetry } from './telemetry.ts';
import type { Unacknowledged } from './unacknowledged.ts';

/** `complete`: everything was sent and acknowledged. `stopped`: `stop()` came first. */
export type FleetOutcome = 'complete' | 'stopped' | 'gave-up';

export interface Fleet extends AsyncDisposable {
  /** Never rejects. */
  readonly ended: Promise<FleetOutcome>;
  progress(): FleetProgress;
  /** Sends nothing new, waits up to `drainMs` for acknowledgements, disconnects. */
  stop(drainMs?: number): Promise<FleetOutcome>;
}

export interface FleetProgress {
  readonly devices: number;
  readonly connected: number;
  readonly messages: number;
  /** Readings, each counted once, however often it was sent. */
  readonly sent: number;
  readonly acked: number;
  readonly malformed: number;
  /** Messages that an MQTT 5 gateway answered with another reason code than what is wrong with them asks for. */
  readonly wrongAnswers: number;
  /** The first of them. */
  readonly wrongAnswer: string | undefined;
  /** Milliseconds from the first publish of a message to its acknowledgement, reconnections included. */
  readonly ackMs: { readonly p50: number; readonly p99: number };
  readonly elapsedMs: number;
  /** The last trouble with a connection, while not all devices are connected. */
  readonly trouble: string | undefined;
}

/** Devices that connect per second at the start, so that a thousand do not time out on one another. */
const CONNECTS_PER_SECOND = 500;
const DRAIN_MS = 5_000;

/** Starts the devices; they connect in the background. */
export function startFleet(options: FleetOptions, deps: FleetDeps): Fleet {
  const telemetry = createSimulatorTelemetry(deps);
  const ended = Promise.withResolvers<FleetOutcome>();
  const startedAt = performance.now();
  const latency = createHistogram();
  const books = { messages: 0, sent: 0, acked: 0, malformed: 0, wrongAnswers: 0 };
  let wrongAnswer: string | undefined;
  let connected = 0;
  let running = options.devices.length;
  let trouble: string | undefined;
  let endedAt: number | undefined;
  let lastAckAt = startedAt;
  /** Set by the first reason to end early. */
  let outcome: FleetOutcome = 'complete';
  let bounded = options.count !== undefined;

  const onSent = (number: number, message: Message): void => {
    books.messages++;
    books.sent += message.readings.length;
    for (const reading of message.readings) {
      if (reading.malformed) books.malformed++;
      deps.ledger?.sent(number, reading);
    }
  };
  const onAcked = (number: number, { firstSeq, readings, sentAt }: Unacknowledged): void => {
    lastAckAt = performance.now();
    books.acked += readings;
    latency.record(Math.max(1, Math.round((lastAckAt - sentAt) * 1000)));
    deps.ledger?.acked(number, firstSeq, firstSeq + readings - 1);
  };
  const finish = (): void => {
    if (endedAt !== undefined) return;
    endedAt = performance.now();
    clearTimeout(durationTimer);
    clearInterval(patience);
    telemetry.fleetEnded(outcome, books.sent, books.acked);
    ended.resolve(outcome);
  };

  const devices = createFleetDevices(options, deps, startedAt, {
    onSent,
    onAcked,
    onConnection: (up) => {
      connected += up ? 1 : -1;
    },
    onTrouble: (url, problem) => {
      trouble = problem;
      telemetry.gatewayAway(hostOf(url), problem);
    },
    onWrongAnswer: (number, description) => {
      books.wrongAnswers++;
      wrongAnswer ??= `${options.devices[number]?.id}: ${description}`;
    },
    onEnded: () => {
      if (--running === 0) finish();
    },
  });
  const finishAll = (): void => {
    for (const device of devices) device.finish();
  };
  const abandonAll = (why: FleetOutcome): void => {
    outcome = why;
    for (const device of devices) device.abandon();
  };

  const durationTimer =
    options.durationMs === undefined
      ? undefined
      : setTimeout(() => {
          bounded = true;
          lastAckAt = performance.now();
          finishAll();
        }, options.durationMs);
  const patience = setInterval(() => {
    const now = performance.now();
    if (!bounded || !devices.some((device) => device.waiting)) lastAckAt = now;
    if (now - lastAckAt > (options.giveUpAfterMs ?? Number.POSITIVE_INFINITY)) abandonAll('gave-up');
  }, 1000);
  if (running === 0) finish();
  devices.forEach((device, number) => {
    device.start((number * 1000) / CONNECTS_PER_SECOND);
  });

  const stop = async (drainMs = DRAIN_MS): Promise<FleetOutcome> => {
    if (endedAt === undefined) {
      outcome = 'stopped';
      const timer = setTimeout(() => abandonAll('stopped'), drainMs);
      finishAll();
      await ended.promise;
      clearTimeout(timer);
    }
    return ended.promise;
  };
  return {
    ended: ended.promise,
    progress: () => ({
      ...books,
      wrongAnswer,
      devices: devices.length,
      connected,
      ackMs: { p50: latency.percentile(50) / 1000, p99: latency.percentile(99) / 1000 },
      elapsedMs: (endedAt ?? performance.now()) - startedAt,
      trouble: connected < running ? trouble : undefined,
    }),
    stop,
    [Symbol.asyncDispose]: async () => {
      await stop(0);
    },
  };
}

/** Addresses may carry passwords; logs must not. */
function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '(not an address)';
}
