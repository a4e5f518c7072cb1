import type { IConnectPacket, IPublishPacket, ISubscribePacket } from 'mqtt-packet';
import { type TraceContext, traceContextOf } from '#contract/trace-context.ts';
import type { SourceSettings } from '#runtime/settings.ts';

/** The session outlives every absence of ours (MQTT 5, 3.1.2.11.2). */
export const NEVER_EXPIRES = 0xffff_ffff;

const LAST_PACKET_ID = 0xffff;

/** Packet ids go round: a connection may last for years, and 0 is none. */
export function packetIdAfter(id: number): number {
  return (id % LAST_PACKET_ID) + 1;
}

export function connectPacket(
  {
    clientId,
    username,
    password,
    version,
  }: Pick<SourceSettings, 'clientId' | 'username' | 'password' | 'version'>,
  keepaliveSeconds: number,
): IConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: version === '5' ? 5 : 4,
    clean: false,
    clientId,
    keepalive: keepaliveSeconds,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password: Buffer.from(password) }),
    ...(version === '5' && { properties: { sessionExpiryInterval: NEVER_EXPIRES } }),
  };
}

export function subscribePacket(
  messageId: number,
  filters: readonly string[],
  version: SourceSettings['version'],
): ISubscribePacket {
  const subscriptions = filters.map((topic) => ({
    topic,
    qos: 1 as const,
    // What is retained only for a subscription that is new, and marked as such (MQTT 5, 3.8.3.1).
    ...(version === '5' && { nl: false, rap: true, rh: 1 }),
  }));
  return { cmd: 'subscribe', messageId, subscriptions };
}

/** The trace that a publisher of MQTT 5 gave its message. */
export function traceOf({ properties }: IPublishPacket): TraceContext | undefined {
  if (properties?.userProperties === undefined) return undefined;
  const { traceparent, tracestate } = properties.userProperties;
  const one = (value: string | string[] | undefined) => (typeof value === 'string' ? value : undefined);
  return traceContextOf(one(traceparent), one(tracestate));
}
