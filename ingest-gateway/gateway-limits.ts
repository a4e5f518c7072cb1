import { LIMITS } from '#contract/limits.ts';

/** The bounds of the gateway; what each means is said in `contract/limits.ts`. */
export type GatewayLimits = Readonly<Record<(typeof NAMES)[number], number>>;

const NAMES = [
  'busyAnswerMs',
  'connectBurstPerAddress',
  'connectMs',
  'connectsPerMinute',
  'connectsPerSecondPerAddress',
  'connections',
  'connectionsPerAddress',
  'deviceSilentSeconds',
  'failuresPerSecondPerAddress',
  'filtersPerPacket',
  'foreignMessageBurst',
  'foreignMessagesPerSecond',
  'forwardedDevices',
  'inflightBytes',
  'inflightBytesPerDevice',
  'inflightMessages',
  'inflightMessagesPerDevice',
  'loginRefusalMs',
  'loginWaitMs',
  'maxKeepaliveSeconds',
  'messageBurst',
  'messagesPerSecond',
  'packetBytes',
  'packetBytesBeforeConnect',
  'packetsPerTurn',
  'partialPacketBytes',
  'readAheadBytes',
  'reservedConnections',
  'sessionExpirySeconds',
  'sessions',
  'shutdownAppendsMs',
  'shutdownLingerMs',
  'silentPerAddress',
  'unreadInputBytes',
  'webSocketBytesBeforeConnect',
  'webSocketFragments',
] as const satisfies readonly (keyof typeof LIMITS)[];

/** `LIMITS`, some of them replaced: by settings, and by tests, which need smaller bounds or shorter waits. */
export function gatewayLimits(changed: Partial<GatewayLimits> = {}): GatewayLimits {
  const limits = Object.fromEntries(NAMES.map((name) => [name, LIMITS[name]])) as GatewayLimits;
  return { ...limits, ...changed };
}
