import { Counter, Gauge, type Registry } from 'prom-client';
import { MQTT_VERSIONS, type MqttVersion } from '#contract/mqtt-version.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import { FrequentHistogram } from '#runtime/frequent-histogram.ts';
import { REFUSAL_REASONS } from './refusal-reason.ts';
import {
  type CertificateName,
  CLOCK_DIRECTIONS,
  type ClockDirection,
  DROP_REASONS,
  FILE_KINDS,
  type FileKind,
  LISTENER_NAMES,
  type MappingOutcome,
  PACKET_TYPES,
  TOLERATED_KINDS,
} from './telemetry-labels.ts';

/** Single devices in trouble, as `intake/device-watch.ts` finds them. */
export interface WatchedNow {
  /** Devices that are waited for. */
  readonly known: number;
  readonly refused: number;
  /** By whether the device is connected here. */
  readonly silent: { readonly open: number; readonly closed: number };
}

/** Levels that are looked at when metrics are read. */
export interface IngestLevels {
  readonly connectedDevices: number;
  /** Logins whose slow hash waits for its turn. */
  readonly waitingLogins: number;
  readonly inflightMessages: number;
  readonly inflightBytes: number;
  readonly pausedDevices: number;
  /** Of input that was read from sockets and waits. */
  readonly unreadBytes: number;
  /** Why files cannot be used as they are now: what they said before is in force. */
  readonly fileProblems: Readonly<Record<FileKind, string | undefined>>;
  /** Devices in trouble, as they were found in the last minute. */
  readonly watched: WatchedNow;
  /** Devices whose readings are refused for their time, by where their clock is, seen from ours. */
  readonly devicesOffClock: Readonly<Record<ClockDirection, number>>;
}

/**
 * The metrics of the gateway. The events of the message path only add to plain numbers, which become metrics when
 * somebody reads those.
 */
export function createIngestMetrics(
  register: Registry,
  schemas: readonly string[],
  levels: () => IngestLevels,
) {
  const registers = [register];
  const counts = {
    messages: { '3.1': [0, 0, 0], '3.1.1': [0, 0, 0], '5': [0, 0, 0] } satisfies Record<MqttVersion, unknown>,
    packets: zero(PACKET_TYPES),
    appended: zero(schemas),
    deadLetters: zero(REJECT_REASONS),
    refused: zero(REFUSAL_REASONS),
    tolerated: zero(TOLERATED_KINDS),
    dropped: zero(DROP_REASONS),
    connectionsOpened: zero(LISTENER_NAMES),
    connectionsOpen: zero(LISTENER_NAMES),
    packetsCut: 0,
    decoded: 0,
    unconfirmed: 0,
    auditLinesLost: 0,
    /** Messages that a mapping swallows. */
    ignored: 0,
    mapped: new Map<string, Record<MappingOutcome, number>>(),
  };
  /** Milliseconds since the epoch; those without a certificate are not there. */
  const expiry = new Map<CertificateName, number>();

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
  new Gauge({
    name: 'ingest_files_usable',
    help: '1 = what is in force is what the files say, or there are none; 0 = they cannot be used, what they said before is in force',
    labelNames: ['kind'],
    registers,
    collect() {
      const { fileProblems } = levels();
      for (const kind of FILE_KINDS) this.set({ kind }, fileProblems[kind] === undefined ? 1 : 0);
    },
  });
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
        for (const [qos, count] of counts.messages[version].entries()) this.inc({ qos, version }, count);
      }
    },
  });
  counter('ingest_packets_total', 'MQTT packets received', 'type', () => counts.packets);
  counter(
    'ingest_readings_decoded_total',
    'Readings found in messages; a message refused as a whole counts as one',
    '',
    () => ({ decoded: counts.decoded }),
  );
  counter(
    'ingest_readings_appended_total',
    'Readings durable in the event log, by schema',
    'schema',
    () => counts.appended,
  );
  counter(
    'ingest_dead_letters_total',
    'Dead letters durable in the event log',
    'reason',
    () => counts.deadLetters,
  );
  counter('ingest_audit_lines_lost_total', 'Lines of the audit log that could not be written', '', () => ({
    lost: counts.auditLinesLost,
  }));
  counter('ingest_dropped_total', 'QoS 0 messages that were lost', 'reason', () => counts.dropped);
  counter('ingest_refused_total', 'Clients refused or disconnected', 'reason', () => counts.refused);
  counter(
    'ingest_tolerated_total',
    'Requests of devices that were not met and did no harm',
    'kind',
    () => counts.tolerated,
  );
  new Counter({
    name: 'ingest_mapped_messages_total',
    help: 'Messages on foreign topics, by the mapping that knew their topic and what became of them',
    labelNames: ['source', 'outcome'],
    registers,
    collect() {
      this.reset();
      for (const [source, outcomes] of counts.mapped) {
        for (const [outcome, count] of Object.entries(outcomes)) this.inc({ source, outcome }, count);
      }
    },
  });
  gauge(
    'ingest_readings_unconfirmed',
    'Readings and dead letters handed to the event log and not confirmed: in flight, or given up',
    () => counts.unconfirmed,
  );
  gauge('ingest_connected_devices', 'Devices connected now', () => levels().connectedDevices);
  gauge(
    'ingest_waiting_logins',
    'Logins with a chosen password that wait for its slow hash',
    () => levels().waitingLogins,
  );
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
  gauge(
    'ingest_unread_bytes',
    'Bytes of input that were read from sockets and wait, because their devices are paused or for their turn',
    () => levels().unreadBytes,
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
  gauge(
    'ingest_devices_known',
    'Devices that are waited for: those of the credentials file that may connect, and others that kept sending',
    () => levels().watched.known,
  );
  gauge(
    'ingest_devices_refused',
    'Devices of which most readings have been dead letters for five minutes; which: npm run devices -- status --trouble',
    () => levels().watched.refused,
  );
  new Gauge({
    name: 'ingest_devices_silent',
    help: 'Devices without a message for DEVICE_SILENT_SECONDS, or what the credentials file says of them; connection = whether they are connected here',
    labelNames: ['connection'],
    registers,
    collect() {
      for (const [connection, devices] of Object.entries(levels().watched.silent))
        this.set({ connection }, devices);
    },
  });
  counter(
    'ingest_connections_total',
    'Connections accepted, also those that came to nothing',
    'listener',
    () => counts.connectionsOpened,
  );
  new Gauge({
    name: 'ingest_connections',
    help: 'Connections open now, also those in their handshake and those that said nothing yet',
    labelNames: ['listener'],
    registers,
    collect() {
      for (const listener of LISTENER_NAMES) this.set({ listener }, counts.connectionsOpen[listener]);
    },
  });
  counter(
    'ingest_cut_packets_total',
    'Connections that ended in the middle of a packet: a bad network, or somebody who holds memory',
    '',
    () => ({ cut: counts.packetsCut }),
  );
  new Gauge({
    name: 'ingest_tls_certificate_expiry_timestamp_seconds',
    help: 'When the first certificate of the file in force expires, seconds since the epoch: the server file with its chain, and the authority of the devices',
    labelNames: ['certificate'],
    registers,
    collect() {
      for (const [certificate, ms] of expiry) this.set({ certificate }, ms / 1000);
    },
  });
  const ackSeconds = new FrequentHistogram({
    name: 'ingest_ack_seconds',
    help: 'Seconds from the receipt of a QoS 1 or 2 message until its acknowledgement',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });

  return { counts, expiry, ackSeconds };
}

/** All words from the start: a series that appears later has no increase. */
function zero<Word extends string>(words: readonly Word[]): Record<Word, number> {
  return Object.fromEntries(words.map((word) => [word, 0])) as Record<Word, number>;
}
