import { Counter, Gauge } from 'prom-client';
import type { Deps } from '#runtime/deps.ts';
import { createWorthALine } from '#runtime/worth-a-line.ts';

/** Why a connection to a broker ended, or did not come about; the values of `mqtt_source_connections_ended_total{reason}`. */
export const SOURCE_END_REASONS = [
  /** No connection: network, name, TLS. */
  'unreachable',
  /** CONNACK with another code than 0: wrong password, not authorized … */
  'refused',
  /** The broker, or the network, ended it. */
  'closed',
  /** Another client came with the same client id (told by MQTT 5 only). */
  'taken-over',
  /** Not a packet, or not a keepalive's answer, for too long. */
  'silent',
  /** What came is not MQTT. */
  'protocol-error',
  /** A message was not durable before its deadline: ended without PUBACK, so that the broker sends it again. */
  'not-durable',
  /** We are stopping. */
  'stopped',
] as const;
export type SourceEndReason = (typeof SOURCE_END_REASONS)[number];

/** What is looked at when metrics are read. */
export interface SourceLevels {
  /** Address of the broker, without path. */
  readonly broker: string;
  readonly connected: boolean;
  readonly inflightMessages: number;
  readonly paused: boolean;
}

interface SourceCounts {
  /** By QoS. */
  readonly messages: number[];
  acknowledged: number;
  redelivered: number;
  retained: number;
  cut: number;
  sessionsLost: number;
}

export type SourceTelemetry = ReturnType<ReturnType<typeof createSourceTelemetry>>;

/**
 * The events of the sources.
 *
 * @returns the events of one broker.
 */
export function createSourceTelemetry(
  deps: Pick<Deps, 'log' | 'metrics'>,
  levels: () => readonly SourceLevels[],
) {
  const registers = [deps.metrics];
  /** The events of the message path only add to plain numbers, which become metrics when somebody reads those. */
  const books = new Map<string, SourceCounts>();
  const counter = (name: string, help: string, value: (counts: SourceCounts) => number): void => {
    new Counter({
      name,
      help,
      labelNames: ['broker'],
      registers,
      collect() {
        this.reset();
        for (const [broker, counts] of books) this.inc({ broker }, value(counts));
      },
    });
  };
  const gauge = (name: string, help: string, value: (level: SourceLevels) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['broker'],
      registers,
      collect() {
        for (const level of levels()) this.set({ broker: level.broker }, value(level));
      },
    });
  };
  gauge(
    'mqtt_source_connected',
    '1 = subscribed at the broker, to everything and with QoS 1',
    ({ connected }) => (connected ? 1 : 0),
  );
  gauge(
    'mqtt_source_inflight_messages',
    'Messages of the broker that are not yet durable',
    ({ inflightMessages }) => inflightMessages,
  );
  gauge('mqtt_source_paused', '1 = the broker is not read from, because a bound is reached', ({ paused }) =>
    paused ? 1 : 0,
  );
  new Counter({
    name: 'mqtt_source_messages_total',
    help: 'Messages handed over by the broker',
    labelNames: ['broker', 'qos'],
    registers,
    collect() {
      this.reset();
      for (const [broker, { messages }] of books) {
        for (const [qos, count] of messages.entries()) this.inc({ broker, qos }, count);
      }
    },
  });
  counter(
    'mqtt_source_acknowledged_total',
    'Messages acknowledged to the broker, after their records were durable',
    ({ acknowledged }) => acknowledged,
  );
  counter(
    'mqtt_source_redelivered_total',
    'Messages that the broker had sent before',
    ({ redelivered }) => redelivered,
  );
  counter(
    'mqtt_source_retained_total',
    'Messages that the broker had retained, and sent for a new subscription',
    ({ retained }) => retained,
  );
  counter(
    'mqtt_source_cut_total',
    'Messages larger than a packet may be: their beginnings are dead letters',
    ({ cut }) => cut,
  );
  counter(
    'mqtt_source_sessions_lost_total',
    'Times that the broker no longer knew the session, and what it kept for us',
    ({ sessionsLost }) => sessionsLost,
  );
  const ended = new Counter({
    name: 'mqtt_source_connections_ended_total',
    help: 'Connections to the broker that ended, or came to nothing',
    labelNames: ['broker', 'reason'],
    registers,
  });
  const worthALine = createWorthALine();

  return (broker: string, clientId: string) => {
    const log = deps.log.child({ part: 'mqtt-source', broker });
    const counts = {
      messages: [0, 0, 0],
      acknowledged: 0,
      redelivered: 0,
      retained: 0,
      cut: 0,
      sessionsLost: 0,
    };
    books.set(broker, counts);
    for (const reason of SOURCE_END_REASONS) ended.inc({ broker, reason }, 0);
    return {
      connected(sessionPresent: boolean): void {
        log.info(
          { clientId, sessionPresent },
          sessionPresent ? 'connected, the broker kept our session' : 'connected, with a new session',
        );
      },
      /** The broker ends the session earlier than we asked for. */
      sessionExpires(seconds: number): void {
        log.warn(
          { clientId, seconds },
          'the broker keeps our session, and what comes meanwhile, for so long only while we are away',
        );
      },
      sessionLost(): void {
        counts.sessionsLost++;
        log.error(
          { clientId },
          'the broker does not know our session any more: messages that it kept for us are lost with it',
        );
      },
      subscribed(filters: readonly string[]): void {
        log.info({ filters }, 'subscribed');
      },
      subscriptionRefused(trouble: string): void {
        if (worthALine(`${broker} subscription`))
          log.error({ trouble }, 'the broker does not grant what we subscribe to');
      },
      received(qos: 0 | 1 | 2, isAgain: boolean, isRetained: boolean, isCut: boolean): void {
        (counts.messages[qos] as number)++;
        if (isAgain) counts.redelivered++;
        if (isRetained) counts.retained++;
        if (isCut) counts.cut++;
      },
      acknowledged(): void {
        counts.acknowledged++;
      },
      ended(reason: SourceEndReason, detail: string, retryMs: number | undefined): void {
        ended.inc({ broker, reason });
        if (reason === 'stopped') log.info('disconnected');
        else if (worthALine(`${broker} ${reason}`))
          log.warn({ reason, detail, retryMs }, 'no connection to the broker, trying again');
      },
      /** Somebody else seems to have our client id. */
      flapping(times: number): void {
        if (worthALine(`${broker} flapping`))
          log.error(
            { clientId, times },
            'connected and thrown out again and again: another client may use MQTT_SOURCE_CLIENT_ID',
          );
      },
      waitingForLog(): void {
        if (worthALine(`${broker} log`))
          log.warn('the event log cannot be written: the broker is not connected to, it keeps what comes');
      },
      unacknowledged(messages: number): void {
        log.info({ messages }, 'not acknowledged before the end: the broker sends them again');
      },
    };
  };
}
