import { createHistogram } from 'node:perf_hooks';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import type { Deps } from '#runtime/deps.ts';
import type { Message } from './device-script.ts';
import { createFleetDevices } from './fleet-devices.ts';
import type { LedgerWriter } from './ledger.ts';
import type { Pace } from './pace.ts';
import type { FleetVersion } from './protocol.ts';
import { createSimulatorTelemetry } from './telemetry.ts';
import type { Unacknowledged } from './unacknowledged.ts';

export interface FleetOptions {
  /** The gateways. Devices are spread over them and move on when theirs is away. */
  readonly urls: readonly [string, ...string[]];
  readonly devices: readonly DeviceIdentity[];
  /** Device `n` has type `n` modulo their number. */
  readonly schemas: readonly [ReadingSchema, ...ReadingSchema[]];
  /** Everything a device says and does wrong follows from it, 32 bits; only times come from the clock. */
  readonly seed: number;
  /** Readings in a message. */
  readonly batch: number;
  readonly qos: 0 | 1 | 2;
  /** Default: MQTT 3.1.1. */
  readonly mqttVersion?: FleetVersion | undefined;
  /** `undefined` = as fast as acknowledgements allow. */
  readonly pace?: Pace | undefined;
  /** Messages of each device; `undefined` = until `durationMs` is over, or until `stop()`. */
  readonly count?: number | undefined;
  readonly durationMs?: number | undefined;
  /** Shares, 0–1: of readings, of messages, of messages, of devices. */
  readonly malformed?: number;
  readonly late?: number;
  readonly duplicate?: number;
  readonly disconnect?: number;
  /**
   * The fleet gives up when there was no acknowledgement for so long although all that is left is a known number of
   * messages (`count`, or after `durationMs`). `undefined` = never.
   */
  readonly giveUpAfterMs?: number | undefined;
}

export interface DeviceIdentity {
  readonly id: string;
  readonly password?: string | undefined;
}

export interface FleetDeps extends Pick<Deps, 'log' | 'now' | 'random'> {
  readonly ledger?: LedgerWriter | undefined;
}

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
