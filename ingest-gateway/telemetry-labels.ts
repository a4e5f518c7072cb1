/** What clients send; the values of `ingest_packets_total{type}`. Each costs work, whether or not it is of use. */
export const PACKET_TYPES = [
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
export type PacketType = (typeof PACKET_TYPES)[number];

/** What harmless firmware asks for and does not get; the values of `ingest_tolerated_total{kind}`. */
export const TOLERATED_KINDS = [
  'will',
  'persistent-session',
  'keepalive',
  'subscription',
  'retain',
  /** A message to a topic that is not the device's own: acknowledged, and thrown away. */
  'foreign-topic',
  /** What a bridge tells other brokers about itself, on `$SYS/…`. */
  'bridge-notification',
  /** A second connection of the same device: the first one is closed. */
  'takeover',
] as const;
export type ToleratedKind = (typeof TOLERATED_KINDS)[number];

/** Why a QoS 0 message was lost; the values of `ingest_dropped_total{reason}`. */
export const DROP_REASONS = ['not-durable', 'log-closed', 'connection-ended'] as const;
export type DropReason = (typeof DROP_REASONS)[number];

/** Files that are read again while the gateway runs; the values of `ingest_files_usable{kind}`. */
export const FILE_KINDS = ['credentials', 'bans', 'certificates', 'token-keys'] as const;
export type FileKind = (typeof FILE_KINDS)[number];

/** Where a device's clock is, seen from ours; the values of `ingest_devices_off_clock{direction}`. */
export const CLOCK_DIRECTIONS = ['ahead', 'behind'] as const;
export type ClockDirection = (typeof CLOCK_DIRECTIONS)[number];

/** Where connections come from; the values of `ingest_connections{listener}`. */
export const LISTENER_NAMES = ['tcp', 'tls', 'websocket', 'secure-websocket'] as const;
export type ListenerName = (typeof LISTENER_NAMES)[number];

/** Whose certificates the TLS listener uses; the values of `…_certificate_expiry_timestamp_seconds{certificate}`. */
export const CERTIFICATES = ['server', 'ca'] as const;
export type CertificateName = (typeof CERTIFICATES)[number];

/** What became of a message on a foreign topic; the values of `ingest_mapped_messages_total{outcome}`. */
export const MAPPING_OUTCOMES = [
  /** All that was found in it became readings. */
  'mapped',
  /** Part of it became readings, part of it dead letters. */
  'partly-rejected',
  'rejected',
  /** A rule swallows it: its topic, its retain flag, no bytes, nothing mapped inside. */
  'ignored',
  /** No rule knows its topic (source `none`). */
  'unmapped',
] as const;
export type MappingOutcome = (typeof MAPPING_OUTCOMES)[number];
