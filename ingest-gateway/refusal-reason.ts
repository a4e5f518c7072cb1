/** Why a client was turned away or its connection closed; the values of `ingest_refused_total{reason}`. */
export const REFUSAL_REASONS = [
  /** More connections than `LIMITS.connections`, and `reservedConnections` for devices seen before. */
  'too-many-connections',
  /** More connections of one address than it may have, or than may be silent: then the oldest silent one. */
  'too-many-from-address',
  /** An address opens more connections a second than it may. */
  'connecting-too-fast',
  /** Too many connections of its address came to nothing: handshake, upgrade or CONNECT. */
  'failing-too-often',
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
  /** The password waits for its turn to be checked, or too many do, or there are no keys to check tokens by yet (CONNACK 3). */
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
  /** Had most of the input that waits unread while all connections together had too much of it. */
  'unread-input',
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
  /** The token that it came with has expired, or its key was taken back. */
  'token-over',
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

/** That a client was turned away, or its connection ended by us. */
export interface TurnedAway {
  readonly reason: RefusalReason;
  /** What the client called itself, at most 64 characters: not proved, unless it was let in before. */
  readonly deviceId: string | undefined;
  /** As `sourceOf` gives it. */
  readonly address: string;
  readonly detail: string | undefined;
}
