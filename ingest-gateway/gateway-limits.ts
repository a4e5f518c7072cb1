import { LIMITS } from '#contract/limits.ts';

/** The bounds of the gateway; what each means is said in `contract/limits.ts`. */
export type GatewayLimits = Readonly<Record<(typeof NAMES)[number], number>>;

const NAMES = [
  'authenticateMs',
  'connectBurstPerAddress',
  'connectMs',
  'connectsPerMinute',
  'connectsPerSecondPerAddress',
  'connections',
  'connectionsPerAddress',
  'filtersPerPacket',
  'foreignMessageBurst',
  'foreignMessagesPerSecond',
  'inflightBytes',
  'inflightBytesPerDevice',
  'inflightMessages',
  'inflightMessagesPerDevice',
  'loginRefusalMs',
  'maxKeepaliveSeconds',
  'messageBurst',
  'messagesPerSecond',
  'packetBytes',
  'packetBytesBeforeConnect',
  'packetsPerTurn',
  'partialPacketBytes',
  'reservedConnections',
  'shutdownAppendsMs',
  'shutdownLingerMs',
  'silentPerAddress',
  'webSocketBytesBeforeConnect',
  'webSocketFragments',
] as const satisfies readonly (keyof typeof LIMITS)[];

/** `LIMITS`, some of them replaced: tests need smaller bounds, or shorter waits. */
export function gatewayLimits(changed: Partial<GatewayLimits> = {}): GatewayLimits {
  const limits = Object.fromEntries(NAMES.map((name) => [name, LIMITS[name]])) as GatewayLimits;
  return { ...limits, ...changed };
}
