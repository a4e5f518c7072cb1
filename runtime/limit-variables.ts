import {
  BURST_SECONDS,
  DEVICE_LIMIT_RANGES,
  LIMITS,
  type Limits,
  MESSAGE_LIMIT_RANGES,
} from '#contract/limits.ts';
import type { Tell } from '#runtime/exposure.ts';
import { usableMemory } from '#runtime/usable-memory.ts';
import { numberFrom, wholeFrom } from '#runtime/variable-kinds.ts';
import type { Values, VariableName } from '#runtime/variables.ts';

const HOUR_MS = 60 * 60 * 1000;
const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

/** The bounds that an operator may set; the others stand in `contract/limits.ts`. Part of `VARIABLES`. */
export const LIMIT_VARIABLES = {
  MQTT_CONNECTIONS: {
    schema: wholeFrom(1, 200_000).default(LIMITS.connections),
    help: 'Connections in all; each takes about 30 KB of memory, and a file descriptor.',
  },
  MQTT_RESERVED_CONNECTIONS: {
    schema: wholeFrom(0, 100_000).optional(),
    help: 'Beyond those, for devices that were connected before since the start. Default: a tenth of MQTT_CONNECTIONS.',
  },
  MQTT_CONNECTIONS_PER_ADDRESS: {
    schema: wholeFrom(1, 200_000).optional(),
    help: 'Connections that one address may have (an IPv6 network of 64 bits counts as one). Default: as many as the gateway takes. Set it where devices do not share addresses.',
  },
  MQTT_CONNECTS_PER_SECOND_PER_ADDRESS: {
    schema: wholeFrom(1, 100_000).default(LIMITS.connectsPerSecondPerAddress),
    help: 'Connections that one address may open, sustained. All that MQTT_CONNECTIONS allows may come at once: a site comes back whole.',
  },
  MQTT_FAILURES_PER_SECOND_PER_ADDRESS: {
    schema: wholeFrom(1, 100_000).default(LIMITS.failuresPerSecondPerAddress),
    help: 'Connections of one address that may come to nothing (handshake, upgrade or CONNECT), sustained; a fiftieth of it while no device was let in from there. Set it higher where many clients share one address.',
  },
  MQTT_UNREAD_BYTES: {
    schema: wholeFrom(MIB, 256 * GIB).optional(),
    help: 'Bytes of input that wait unread, of all connections, each of which may hold up to 80 KiB; above it those that hold most are disconnected, and send again what was not acknowledged. Default: 48 KiB for each of MQTT_CONNECTIONS, but not more than a quarter of the memory of the machine or container.',
  },
  MQTT_CONNECTS_PER_MINUTE: {
    schema: wholeFrom(2, 6_000).default(LIMITS.connectsPerMinute),
    help: 'Connections that one device may open before it is kept out for a while.',
  },
  MQTT_CONNECT_TIMEOUT_MS: {
    schema: wholeFrom(1_000, 120_000).default(LIMITS.connectMs),
    help: 'How long a socket may take until its CONNECT is complete.',
  },
  MQTT_MAX_KEEPALIVE_SECONDS: {
    schema: wholeFrom(10, 65_535).default(LIMITS.maxKeepaliveSeconds),
    help: 'A device that asks for no keepalive, or a longer one, is disconnected after so long without a packet.',
  },
  DEVICE_SILENT_SECONDS: {
    schema: wholeFrom(0, 366 * 24 * 60 * 60).default(LIMITS.deviceSilentSeconds),
    help: 'A device that sent no message for so long is told as silent (alert `DeviceSilent`); 0 = never. The credentials file makes exceptions (`silentAfterSeconds`).',
  },
  MQTT_MESSAGES_PER_SECOND: {
    schema: numberFrom(
      DEVICE_LIMIT_RANGES.messagesPerSecond.min,
      DEVICE_LIMIT_RANGES.messagesPerSecond.max,
    ).default(LIMITS.messagesPerSecond),
    help: 'Messages a second of one device, sustained; whoever sends more is slowed, nothing is dropped. The credentials file makes exceptions (docs/devices.md).',
  },
  MQTT_MESSAGE_BURST: {
    schema: wholeFrom(DEVICE_LIMIT_RANGES.burst.min, DEVICE_LIMIT_RANGES.burst.max).optional(),
    help: 'Messages that one device may send at once. Default: ten times MQTT_MESSAGES_PER_SECOND.',
  },
  MQTT_FOREIGN_MESSAGES_PER_SECOND: {
    schema: wholeFrom(1, 100_000).default(LIMITS.foreignMessagesPerSecond),
    help: 'Messages a second of one device to topics that nobody takes, ten times as many at once; who sends more is disconnected.',
  },
  MQTT_FORWARDED_DEVICES: {
    schema: wholeFrom(1, 1_000_000).default(LIMITS.forwardedDevices),
    help: 'Devices that one client may forward readings of, unless the credentials file says another number (`maxDevices`).',
  },
  MQTT_INFLIGHT_MESSAGES: {
    schema: wholeFrom(100, 10_000_000).default(LIMITS.inflightMessages),
    help: 'Messages that may wait for the log, of all devices; then no socket is read.',
  },
  MQTT_INFLIGHT_BYTES: {
    schema: wholeFrom(MIB, 16 * 1024 * MIB).default(LIMITS.inflightBytes),
    help: 'Bytes of those messages: memory that the gateway takes when the log is away.',
  },
  MQTT_INFLIGHT_MESSAGES_PER_DEVICE: {
    schema: wholeFrom(
      DEVICE_LIMIT_RANGES.inflightMessages.min,
      DEVICE_LIMIT_RANGES.inflightMessages.max,
    ).default(LIMITS.inflightMessagesPerDevice),
    help: 'The same of one device; MQTT 5 clients are told four fifths of it as Receive Maximum.',
  },
  MQTT_INFLIGHT_BYTES_PER_DEVICE: {
    schema: wholeFrom(DEVICE_LIMIT_RANGES.inflightBytes.min, DEVICE_LIMIT_RANGES.inflightBytes.max).default(
      LIMITS.inflightBytesPerDevice,
    ),
    help: 'The same of one device, in bytes.',
  },
  MAX_PAYLOAD_BYTES: {
    schema: wholeFrom(MESSAGE_LIMIT_RANGES.payloadBytes.min, MESSAGE_LIMIT_RANGES.payloadBytes.max).default(
      LIMITS.payloadBytes,
    ),
    help: 'Largest payload that is accepted; a larger one is dead-lettered and acknowledged, if its packet is not too large. The same for gateways and `dlq replay`.',
  },
  MAX_PACKET_BYTES: {
    schema: wholeFrom(8 * KIB, 16 * MIB).default(LIMITS.packetBytes),
    help: 'Largest MQTT packet; above it the connection is closed. MQTT 5 clients are told (Maximum Packet Size). The topics of an existing Kafka must take records so large (max.message.bytes).',
  },
  MAX_READINGS_PER_MESSAGE: {
    schema: wholeFrom(
      MESSAGE_LIMIT_RANGES.readingsPerMessage.min,
      MESSAGE_LIMIT_RANGES.readingsPerMessage.max,
    ).default(LIMITS.readingsPerMessage),
    help: 'Readings in one message.',
  },
  MAX_READING_AGE_HOURS: {
    schema: wholeFrom(1, 24 * 366 * 10).default(LIMITS.maxAgeMs / HOUR_MS),
    help: "How old a reading may be when it comes, unless its schema says otherwise (`x-max-age-ms`). Longer than a device's longest time without a network.",
  },
  MAX_READING_SKEW_SECONDS: {
    schema: wholeFrom(0, 24 * 60 * 60).default(LIMITS.maxSkewMs / 1000),
    help: "How far a device's clock may be ahead, unless its schema says otherwise (`x-max-skew-ms`).",
  },
  STORE_WRITE_POINTS: {
    schema: wholeFrom(1, 100_000).optional(),
    help: `Points in one write to the store, at most. Default: ${LIMITS.pointsPerWrite}, into the embedded store ${LIMITS.pointsPerTransaction}.`,
  },
  STORE_WRITE_BYTES: {
    schema: wholeFrom(64 * KIB, 64 * MIB).optional(),
    help: `Bytes of them, about; a proxy before the store must take so much. Default: ${LIMITS.bytesPerWrite}, into the embedded store ${LIMITS.bytesPerTransaction}.`,
  },
  DEAD_LETTER_SHARE: {
    schema: numberFrom(0.01, 0.9).default(LIMITS.deadLetterShare),
    help: 'Share of EMBEDDED_MAX_BYTES that dead letters may take.',
  },
  DEAD_LETTER_SHARE_PER_DEVICE: {
    schema: numberFrom(0.001, 1).default(LIMITS.deadLetterSharePerDevice),
    help: 'Share of that for the letters of one device.',
  },
} as const;

/** All limits as the settings say them; those that follow from others included. */
export function assembleLimits(values: Values): Limits {
  const connections = values.MQTT_CONNECTIONS;
  const messagesPerSecond = values.MQTT_MESSAGES_PER_SECOND;
  const isEmbedded = values.INFLUX_URL === undefined;
  const maxAgeMs = values.MAX_READING_AGE_HOURS * HOUR_MS;
  return {
    ...LIMITS,
    connections,
    reservedConnections: values.MQTT_RESERVED_CONNECTIONS ?? Math.ceil(connections / 10),
    connectionsPerAddress: values.MQTT_CONNECTIONS_PER_ADDRESS ?? connections,
    connectsPerSecondPerAddress: values.MQTT_CONNECTS_PER_SECOND_PER_ADDRESS,
    connectBurstPerAddress: Math.max(LIMITS.connectBurstPerAddress, Math.ceil(connections * 1.2)),
    failuresPerSecondPerAddress: values.MQTT_FAILURES_PER_SECOND_PER_ADDRESS,
    unreadInputBytes: values.MQTT_UNREAD_BYTES ?? unreadInputBytes(connections),
    connectsPerMinute: values.MQTT_CONNECTS_PER_MINUTE,
    connectMs: values.MQTT_CONNECT_TIMEOUT_MS,
    maxKeepaliveSeconds: values.MQTT_MAX_KEEPALIVE_SECONDS,
    deviceSilentSeconds: values.DEVICE_SILENT_SECONDS,
    messagesPerSecond,
    messageBurst: values.MQTT_MESSAGE_BURST ?? Math.max(1, Math.round(messagesPerSecond * BURST_SECONDS)),
    foreignMessagesPerSecond: values.MQTT_FOREIGN_MESSAGES_PER_SECOND,
    foreignMessageBurst: values.MQTT_FOREIGN_MESSAGES_PER_SECOND * BURST_SECONDS,
    forwardedDevices: values.MQTT_FORWARDED_DEVICES,
    inflightMessages: values.MQTT_INFLIGHT_MESSAGES,
    inflightBytes: values.MQTT_INFLIGHT_BYTES,
    inflightMessagesPerDevice: values.MQTT_INFLIGHT_MESSAGES_PER_DEVICE,
    inflightBytesPerDevice: values.MQTT_INFLIGHT_BYTES_PER_DEVICE,
    payloadBytes: values.MAX_PAYLOAD_BYTES,
    packetBytes: values.MAX_PACKET_BYTES,
    readingsPerMessage: values.MAX_READINGS_PER_MESSAGE,
    maxAgeMs,
    maxSkewMs: values.MAX_READING_SKEW_SECONDS * 1000,
    // What a device kept for longer would be refused by the clock.
    sessionExpirySeconds: Math.min(LIMITS.sessionExpirySeconds, Math.floor(maxAgeMs / 1000)),
    sessions: Math.max(LIMITS.sessions, 2 * connections),
    pointsPerWrite:
      values.STORE_WRITE_POINTS ?? (isEmbedded ? LIMITS.pointsPerTransaction : LIMITS.pointsPerWrite),
    bytesPerWrite:
      values.STORE_WRITE_BYTES ?? (isEmbedded ? LIMITS.bytesPerTransaction : LIMITS.bytesPerWrite),
    deadLetterShare: values.DEAD_LETTER_SHARE,
    deadLetterSharePerDevice: values.DEAD_LETTER_SHARE_PER_DEVICE,
  };
}

function unreadInputBytes(connections: number): number {
  const bytes = Math.ceil((LIMITS.unreadInputBytes / LIMITS.connections) * connections);
  return Math.min(bytes, Math.floor(usableMemory() / 4));
}

/** Bytes of a packet around its payload: fixed header, topic, properties that clients send. */
const AROUND_A_PAYLOAD_BYTES = 4 * KIB;

/** A bound that contradicts another one is a fault that shows only under load. */
export function judgeLimits(values: Values, isSet: (name: VariableName) => boolean, tell: Tell): void {
  const atLeast = (name: VariableName, least: number, why: string): void => {
    const value = values[name];
    if (typeof value === 'number' && value < least)
      tell(name, `expected at least ${least}, because ${why}, found ${value}`);
  };
  const holds = (name: VariableName, what: VariableName): void =>
    atLeast(name, values[what] as number, `${what} is ${values[what]}`);
  holds('MQTT_MESSAGE_BURST', 'MQTT_MESSAGES_PER_SECOND');
  atLeast(
    'MAX_PACKET_BYTES',
    values.MAX_PAYLOAD_BYTES + AROUND_A_PAYLOAD_BYTES,
    `a packet holds a payload of MAX_PAYLOAD_BYTES=${values.MAX_PAYLOAD_BYTES}, its topic and its properties`,
  );
  holds('MQTT_INFLIGHT_BYTES_PER_DEVICE', 'MAX_PACKET_BYTES');
  holds('MQTT_INFLIGHT_BYTES', 'MQTT_INFLIGHT_BYTES_PER_DEVICE');
  holds('MQTT_INFLIGHT_MESSAGES', 'MQTT_INFLIGHT_MESSAGES_PER_DEVICE');
  if (!isSet('KAFKA_BROKERS'))
    atLeast(
      'EMBEDDED_MAX_BYTES',
      Math.ceil(values.MAX_PACKET_BYTES / values.DEAD_LETTER_SHARE),
      `its share for dead letters (DEAD_LETTER_SHARE=${values.DEAD_LETTER_SHARE}) must hold one of MAX_PACKET_BYTES=${values.MAX_PACKET_BYTES}`,
    );
  if (!isSet('INFLUX_URL'))
    atLeast(
      'STORE_RETENTION_DAYS',
      Math.ceil(values.MAX_READING_AGE_HOURS / 24),
      `readings of MAX_READING_AGE_HOURS=${values.MAX_READING_AGE_HOURS} are accepted, and would be too old for the store`,
    );
}
