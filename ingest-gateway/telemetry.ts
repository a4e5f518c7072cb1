import { Counter, Gauge, Histogram } from 'prom-client';
import { MQTT_VERSIONS, type MqttVersion } from '#contract/mqtt-version.ts';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError, type PipelineError } from '#runtime/errors.ts';
import { createWorthALine } from '#runtime/worth-a-line.ts';

/** Why a client was turned away or its connection closed; the values of `ingest_refused_total{reason}`. */
export const REFUSAL_REASONS = [
  /** More connections than `LIMITS.connections`, and `reservedConnections` for devices seen before. */
  'too-many-connections',
  /** More connections of one address than it may have, or than may be silent: then the oldest silent one. */
  'too-many-from-address',
  /** An address opens more connections a second than it may. */
  'connecting-too-fast',
  /** On the list of `npm run bans` (CONNACK 5; an address without an answer). */
  'banned',
  /** Its header of the PROXY protocol is missing or none. */
  'proxy-protocol',
  /** Of a web page that is not in `MQTT_WS_ORIGINS`. */
  'web-socket-origin',
  /** Connected with a certificate that the renewed TLS files do not trust any more. */
  'certificate-not-trusted',
  /** The TLS handshake failed: no valid client certificate, no TLS at all, too slow. */
  'tls-handshake',
  /** No complete CONNECT in time. */
  'connect-timeout',
  /** The password could not be checked in time. */
  'authenticate-timeout',
  /** Too many passwords are waiting to be checked (CONNACK 3). */
  'authentication-busy',
  /** Wrong passwords came before, for this device or from this address: not tried for a while (CONNACK 3). */
  'login-throttled',
  /** Not MQTT, or against its rules. */
  'protocol-error',
  /** Neither MQTT 3.1, 3.1.1 nor 5. */
  'protocol-version',
  /** A CONNECT of MQTT 5 that asks for an exchange of AUTH packets. */
  'authentication-method',
  'packet-too-large',
  /** A SUBSCRIBE or UNSUBSCRIBE of more than `LIMITS.filtersPerPacket` filters. */
  'too-many-filters',
  /** Began a large packet while all connections together held too many bytes of unfinished ones. */
  'partial-packets',
  /** A will with QoS 3. */
  'invalid-will',
  /** The client id is not a device id (CONNACK 2). */
  'invalid-client-id',
  /** Unknown device, or wrong password (CONNACK 4). */
  'bad-credentials',
  /** User name or certificate of another device (CONNACK 5). */
  'wrong-identity',
  /** Revoked, or given a password or another one, while connected. */
  'revoked',
  /** More publishes to topics that are not the device's own than clumsy firmware makes. */
  'foreign-topic',
  /** The event log cannot be written (CONNACK 3). */
  'log-unavailable',
  /** A message was not durable before its deadline: closed without PUBACK. */
  'not-durable',
  /** Silent for longer than 1.5 × its keepalive. */
  'keepalive-timeout',
  /** Did not take its answers for a minute. */
  'slow-reader',
  /** The gateway is stopping (CONNACK 3). */
  'shutting-down',
  /** A fault of ours. */
  'internal-error',
] as const;
export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** What clients send; the values of `ingest_packets_total{type}`. Each costs work, whether or not it is of use. */
const PACKET_TYPES = [
  'connect',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'unsubscribe',
  'pingreq',
  'disconnect',
  'auth',
] as const;
type PacketType = (typeof PACKET_TYPES)[number];

/** What harmless firmware asks for and does not get; the values of `ingest_tolerated_total{kind}`. */
export const TOLERATED_KINDS = [
  'will',
  'persistent-session',
  'keepalive',
  'subscription',
  'retain',
  /** A message to a topic that is not the device's own: acknowledged, and thrown away. */
  'foreign-topic',
  /** A second connection of the same device: the first one is closed. */
  'takeover',
] as const;
export type ToleratedKind = (typeof TOLERATED_KINDS)[number];

/** Why a QoS 0 message was lost; the values of `ingest_dropped_total{reason}`. */
export const DROP_REASONS = ['not-durable', 'log-closed', 'connection-ended'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Where a device's clock is, seen from ours; the values of `ingest_devices_off_clock{direction}`. */
export const CLOCK_DIRECTIONS = ['ahead', 'behind'] as const;
export type ClockDirection = (typeof CLOCK_DIRECTIONS)[number];

/** The books of the gateway (P8), in readings: `decoded = appended + deadLettered + unconfirmed`. */
export interface Accounting {
  /** A message that is refused as a whole counts as one reading. */
  readonly decoded: number;
  readonly appended: number;
  readonly deadLettered: number;
  /** Handed to the log and not confirmed: still in flight, or given up (then they may be in the log or not). */
  readonly unconfirmed: number;
}

/** Levels that are looked at when metrics are read. */
export interface IngestLevels {
  readonly connectedDevices: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly pausedDevices: number;
  /** Devices whose readings are refused for their time, by where their clock is, seen from ours. */
  readonly devicesOffClock: Readonly<Record<ClockDirection, number>>;
}

export type IngestTelemetry = ReturnType<typeof createIngestTelemetry>;

/**
 * The events of the gateway: one function = one log line and/or one metric. Events of the message path only add to
 * plain numbers, which become metrics when somebody reads those.
 */
export function createIngestTelemetry(deps: Deps, schemas: readonly string[], levels: () => IngestLevels) {
  const log = deps.log.child({ part: 'ingest-gateway' });
  const registers = [deps.metrics];
  const zero = <Word extends string>(words: readonly Word[]): Record<Word, number> =>
    Object.fromEntries(words.map((word) => [word, 0])) as Record<Word, number>;

  const messages = { '3.1': [0, 0, 0], '3.1.1': [0, 0, 0], '5': [0, 0, 0] } satisfies Record<
    MqttVersion,
    unknown
  >;
  const packets = zero(PACKET_TYPES);
  const appended = zero(schemas);
  const deadLetters = zero(REJECT_REASONS);
  const refused = zero(REFUSAL_REASONS);
  const tolerated = zero(TOLERATED_KINDS);
  const dropped = zero(DROP_REASONS);
  let decoded = 0;
  let unconfirmed = 0;

  const counter = (name: string, help: string, label: string, values: () => Record<string, number>): void => {
    new Counter({
      name,
      help,
      labelNames: label === '' ? [] : [label],
      registers,
      collect() {
        this.reset();
        for (const [word, value] of Object.entries(values())) {
          if (label === '') this.inc(value);
          else this.inc({ [label]: word }, value);
        }
      },
    });
  };
  const gauge = (name: string, help: string, value: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  };
  new Counter({
    name: 'ingest_messages_total',
    help: 'MQTT messages received, by what the device speaks',
    labelNames: ['qos', 'version'],
    registers,
    collect() {
      this.reset();
      for (const version of MQTT_VERSIONS) {
        for (const [qos, count] of messages[version].entries()) this.inc({ qos, version }, count);
      }
    },
  });
  counter('ingest_packets_total', 'MQTT packets received', 'type', () => packets);
  counter(
    'ingest_readings_decoded_total',
    'Readings found in messages; a message refused as a whole counts as one',
    '',
    () => ({ decoded }),
  );
  counter(
    'ingest_readings_appended_total',
    'Readings durable in the event log, by schema',
    'schema',
    () => appended,
  );
  counter('ingest_dead_letters_total', 'Dead letters durable in the event log', 'reason', () => deadLetters);
  counter('ingest_dropped_total', 'QoS 0 messages that were lost', 'reason', () => dropped);
  counter('ingest_refused_total', 'Clients refused or disconnected', 'reason', () => refused);
  counter(
    'ingest_tolerated_total',
    'Requests of devices that were not met and did no harm',
    'kind',
    () => tolerated,
  );
  gauge(
    'ingest_readings_unconfirmed',
    'Readings and dead letters handed to the event log and not confirmed: in flight, or given up',
    () => unconfirmed,
  );
  gauge('ingest_connected_devices', 'Devices connected now', () => levels().connectedDevices);
  gauge('ingest_inflight_messages', 'Messages received and not yet durable', () => levels().inflightMessages);
  gauge(
    'ingest_inflight_bytes',
    'Bytes of memory of messages received and not yet durable, estimated',
    () => levels().inflightBytes,
  );
  gauge(
    'ingest_paused_devices',
    'Devices that are not read from, because a bound or their rate is reached',
    () => levels().pausedDevices,
  );
  new Gauge({
    name: 'ingest_devices_off_clock',
    help: 'Devices whose readings are refused for their time; direction = where their clock is, seen from ours. Many in one direction: our clock is wrong',
    labelNames: ['direction'],
    registers,
    collect() {
      for (const direction of CLOCK_DIRECTIONS) this.set({ direction }, levels().devicesOffClock[direction]);
    },
  });
  const ackSeconds = new Histogram({
    name: 'ingest_ack_seconds',
    help: 'Seconds from the receipt of a QoS 1 or 2 message until its acknowledgement',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });

  const worthALine = createWorthALine();

  return {
    connectedDevices(): number {
      return levels().connectedDevices;
    },
    /** @param ourTrouble that it is our clock which is wrong, in words, or `undefined`; asked only when it is worth a line. */
    deviceClockOff(ourTrouble: () => string | undefined): void {
      if (!worthALine('device clock')) return;
      const trouble = ourTrouble();
      if (trouble !== undefined) log.error(`${trouble}; see docs/runbooks/ClockDisagrees.md`);
    },
    accounting(): Accounting {
      const total = (counts: Record<string, number>): number =>
        Object.values(counts).reduce((sum, count) => sum + count, 0);
      return { decoded, appended: total(appended), deadLettered: total(deadLetters), unconfirmed };
    },
    listening(listener: string, host: string, port: number): void {
      log.info({ listener, host, port }, 'listening for devices');
    },
    listenerFailed(listener: string, error: unknown): void {
      if (worthALine(`listener ${listener}`))
        log.error({ listener, error: describeError(error) }, 'a listener cannot accept connections');
    },
    brokerFailed(error: unknown): void {
      log.error({ error: describeError(error) }, 'the MQTT broker reported an error');
    },
    hookFailed(hook: string, error: unknown): void {
      if (worthALine(`hook ${hook}`))
        log.error(
          { hook, error: describeError(error) },
          'a client was disconnected because of an internal error',
        );
    },
    anonymousAllowed(): void {
      log.warn('devices are let in without a password (ALLOW_ANONYMOUS)');
    },
    credentialsLoaded(file: string, devices: number): void {
      log.info({ file, devices }, 'device credentials loaded');
    },
    credentialsUnusable(file: string, problem: string): void {
      log.error({ file, problem }, 'device credentials cannot be read, the ones loaded before stay in force');
    },
    banned(
      device: string | undefined,
      address: string | undefined,
      reason: string,
      until: string | undefined,
    ): void {
      log.warn({ device, address, reason, until }, 'banned (npm run bans)');
    },
    bansUnusable(file: string, problem: string): void {
      if (worthALine('bans'))
        log.error({ file, problem }, 'the list of bans cannot be used, the one before stays');
    },
    certificateLoaded(file: string, validTo: Date): void {
      log.info({ file, validTo: validTo.toISOString() }, 'TLS certificate loaded');
    },
    certificateUnusable(problem: string): void {
      log.error({ problem }, 'TLS files cannot be used, the ones loaded before stay in force');
    },
    refused(reason: RefusalReason, deviceId: string | undefined, detail: string | undefined): void {
      refused[reason]++;
      if (worthALine(`refused ${reason}`))
        log.warn({ reason, deviceId, detail }, 'a client was refused or disconnected');
    },
    tolerated(kind: ToleratedKind): void {
      tolerated[kind]++;
    },
    foreignTopic(deviceId: string, topic: string): void {
      log.warn(
        { deviceId, topic: topic.slice(0, 128) },
        'a device publishes to a topic that is not its own; this and further ones are acknowledged and thrown away',
      );
    },
    packetReceived(type: string): void {
      if (type in packets) packets[type as PacketType]++;
    },
    messageReceived(version: MqttVersion, qos: 0 | 1 | 2): void {
      (messages[version][qos] as number)++;
    },
    readingsDecoded(readings: number): void {
      decoded += readings;
    },
    /** Readings, or one dead letter, were handed to the log. */
    appendStarted(readings: number): void {
      unconfirmed += readings;
    },
    readingsAppended(schema: string, readings: number): void {
      appended[schema] = (appended[schema] ?? 0) + readings;
      unconfirmed -= readings;
    },
    /** @param readings in the letter: more than one only in a record that the log refused */
    deadLettered(reason: RejectReason, readings = 1): void {
      deadLetters[reason] += readings;
      unconfirmed -= readings;
    },
    appendFailed(deviceId: string, error: PipelineError): void {
      if (worthALine('append failed'))
        log.error(
          { deviceId, error: describeError(error) },
          'a message is not durable, it is not acknowledged',
        );
    },
    dropped(reason: DropReason): void {
      dropped[reason]++;
    },
    acknowledged(seconds: number): void {
      ackSeconds.observe(seconds);
    },
    stopped(unacknowledged: number): void {
      log.info({ unacknowledged }, 'gateway stopped');
    },
  };
}
