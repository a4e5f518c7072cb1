/**
 * The bounds that several parts share, or that stand in a relation to another bound. What bounds one file alone stands in
 * that file, beside what it bounds. The relations between those here are checked by `limits.test.ts`, because a bound
 * that contradicts another one is a fault that shows only under load.
 */
export const LIMITS = {
  /** Bytes of one MQTT packet before the client's CONNECT was accepted. */
  packetBytesBeforeConnect: 4 * 1024,
  /** Bytes over a WebSocket before the CONNECT, headers of frames included. */
  webSocketBytesBeforeConnect: 8 * 1024,
  /** Fragments of one WebSocket message. */
  webSocketFragments: 256,
  /** Bytes of one MQTT packet afterwards; above it the connection is closed and counted. */
  packetBytes: 256 * 1024,
  /** Bytes of an accepted payload; larger ones (up to a whole packet) are dead-lettered and acknowledged. */
  payloadBytes: 64 * 1024,
  readingsPerMessage: 500,
  /** Topic filters of one SUBSCRIBE or UNSUBSCRIBE; none is granted, but each costs time. */
  filtersPerPacket: 100,
  /** Packets that one connection may hand to the parser in one turn of the event loop. */
  packetsPerTurn: 128,
  /** Bytes of packets that are not complete, of all connections. */
  partialPacketBytes: 32 * 1024 * 1024,
  /**
   * Bytes of a connection that are read ahead: with as many unread nothing more is read from its socket. The last read may bring
   * 64 KiB, so it holds up to 80.
   */
  readAheadBytes: 16 * 1024,
  /**
   * Unread bytes of all connections; above it those that hold most are dropped. Of each connection: after an outage half of
   * 10,000 devices may come back with all they have kept, and none of them is to be dropped.
   */
  unreadInputBytes: 10_000 * 48 * 1024,
  deviceIdLength: 64,
  /** Labels of a device, and bytes of them all as JSON: every record of the device carries them. */
  labelsPerDevice: 8,
  labelBytes: 512,
  /** Levels of a topic. The deepest that was seen in the field has ten. */
  topicDepth: 16,
  /** Devices that one client may forward readings of, unless its credential says another number. */
  forwardedDevices: 1_000,
  /** Readings of one rule: each looks through the whole message, so their number bounds what a message can cost. */
  mappingReadings: 64,
  /** Places and patterns that the readings of one rule look at: each of them for each element, at the most. */
  mappingLooks: 500,
  /** Elements that a mapping may look at in one message for one token of its client's bucket. */
  elementsPerToken: 1_000,
  /** Readings and rejects that a mapping may make of one message, over all its devices. */
  mappedReadings: 2_000,
  /** Bytes of the readings that a mapping may make of one message. */
  mappedBytes: 1024 * 1024,
  /** Milliseconds a socket may take until its CONNECT is complete. */
  connectMs: 10_000,
  /**
   * Milliseconds from there, and up to twice of it, for which a password may wait for its turn; then the client is told to come
   * back. Usual clients wait for 30 s.
   */
  busyAnswerMs: 12_500,
  /** Milliseconds from a CONNECT to the answer that its login is not right: longer than any hash takes on its own. */
  loginRefusalMs: 300,
  /** Milliseconds that whoever was wrong too often waits for the next try, the first time; it doubles with each further failure. */
  loginWaitMs: 1_000,
  connections: 10_000,
  /** Beyond those, for devices that were connected before since the start: nobody new can keep them out. */
  reservedConnections: 1_000,
  /** Of one address. A site, or a balancer without PROXY protocol, is one address. */
  connectionsPerAddress: 10_000,
  /** Of one address, without a CONNECT and quiet for a while: above it the oldest give way. */
  silentPerAddress: 1_000,
  /** Connections that one address opens: sustained a second, and at once. */
  connectsPerSecondPerAddress: 1_000,
  connectBurstPerAddress: 12_000,
  /**
   * Of one address from which devices were let in: connections a second that come to nothing. One that fails costs up to 2 ms of
   * CPU with TLS, so these are a tenth of a core.
   */
  failuresPerSecondPerAddress: 50,
  /** Of one device, before it is kept out for a while. */
  connectsPerMinute: 60,
  inflightMessagesPerDevice: 1_000,
  /** Keeps one device that sends large messages from using up the total below. */
  inflightBytesPerDevice: 8 * 1024 * 1024,
  inflightMessages: 50_000,
  inflightBytes: 64 * 1024 * 1024,
  /** Token bucket of one device: sustained messages a second, and how many it may send at once. Slowed, not dropped. */
  messagesPerSecond: 200,
  messageBurst: 2_000,
  /** The same for messages of one device to topics that are not its own; a client that is faster is disconnected. */
  foreignMessagesPerSecond: 100,
  foreignMessageBurst: 1_000,
  /** Seconds without a packet after which a device that asked for no keepalive, or a longer one, is disconnected. */
  maxKeepaliveSeconds: 300,
  /** Seconds without a message after which a device is told as silent; 0 = never. */
  deviceSilentSeconds: 60 * 60,
  /** MQTT 5: bytes of properties in a packet; topic aliases of a connection, and characters of their topics. */
  propertyBytes: 8 * 1024,
  topicAliases: 10,
  topicAliasCharacters: 4 * 1024,
  /**
   * MQTT 5: share of `inflightMessagesPerDevice` that a client is told as its Receive Maximum. A client that keeps to it
   * never reaches the bound at which its socket is not read, and with it its PINGREQ.
   */
  receiveMaximumShare: 0.8,
  /**
   * MQTT 5: how long a session is remembered without a connection, as long as the clock accepts what its device kept,
   * and how many of them.
   */
  sessionExpirySeconds: 7 * 24 * 60 * 60,
  sessions: 20_000,
  maxAgeMs: 7 * 24 * 60 * 60 * 1000,
  maxSkewMs: 5 * 60 * 1000,
  /** Magnitude above which a number read from JSON may not be the number that was written (2^53). */
  maxNumber: Number.MAX_SAFE_INTEGER,
  deadLetterDetailBytes: 2 * 1024,
  /** Of the embedded log, for dead letters; and of that, for those of one device. */
  deadLetterShare: 0.25,
  deadLetterSharePerDevice: 0.125,
  replayAttempts: 3,
  pointsPerWrite: 5_000,
  bytesPerWrite: 1024 * 1024,
  /** The same for the embedded store, whose write is a transaction: each writes every page it touches, however little of it. */
  pointsPerTransaction: 10_000,
  bytesPerTransaction: 2 * 1024 * 1024,
  /** Newest readings that one API call may ask for. */
  readingsPerQuery: 10_000,
  /** Milliseconds in which a request must have come, and its answer have begun. */
  httpRequestMs: 15_000,
  /** Milliseconds that a connection may wait for its next request. */
  httpIdleMs: 5_000,
  httpConnections: 256,
  /**
   * Milliseconds from a signal to the exit of a process. Below, what its parts may take of it, one after the other; what
   * is left is for closing files, connections and HTTP.
   */
  shutdownMs: 10_000,
  /** For a start that is not complete. */
  shutdownStartMs: 1_500,
  /** For what devices sent: until it is durable. */
  shutdownAppendsMs: 4_000,
  /** After the last append, for devices to read their PUBACKs before their connections are cut. */
  shutdownLingerMs: 2_000,
  /** For the writer: calls of the store that are under way. */
  shutdownWritesMs: 1_500,
  /** For a consumer of Kafka to leave its group. */
  shutdownLeaveMs: 5_000,
} as const;

/** `LIMITS`, some of them set by an operator (`runtime/limit-variables.ts`). */
export type Limits = Readonly<Record<keyof typeof LIMITS, number>>;

/** What bounds one message, wherever it is judged. */
export type MessageLimits = Pick<Limits, 'payloadBytes' | 'readingsPerMessage'>;

/** What those may be set to. A record in the log is one of ours as far as the largest: its gateway may have had other settings. */
export const MESSAGE_LIMIT_RANGES = {
  payloadBytes: { min: 1024, max: 8 * 1024 * 1024 },
  readingsPerMessage: { min: 1, max: 100_000 },
} as const;

/** A burst that nobody gave a number: what comes in this time at the sustained rate. */
export const BURST_SECONDS = 10;

/** What a bound of one device may be set to, for all devices or in the credentials file for one. */
export const DEVICE_LIMIT_RANGES = {
  messagesPerSecond: { min: 0.001, max: 1_000_000 },
  burst: { min: 1, max: 10_000_000 },
  inflightMessages: { min: 10, max: 1_000_000 },
  inflightBytes: { min: LIMITS.packetBytes, max: 1024 ** 3 },
} as const;
