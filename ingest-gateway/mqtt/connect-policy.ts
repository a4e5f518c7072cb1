import type { ConnectPacket } from 'aedes';
import type { ToleratedKind } from '#ingest-gateway/telemetry-labels.ts';
import { SILENCE_FACTOR } from './keepalive-watch.ts';

/** What becomes of a CONNECT before anyone is authenticated. */
export interface ConnectJudgement {
  /** Must be closed without CONNACK: aedes would accept it and break a promise of MQTT. */
  readonly fatal: 'invalid-will' | 'protocol-error' | undefined;
  /** What the device asked for and does not get. */
  readonly tolerated: readonly ToleratedKind[];
  /** How the packet has to be changed. */
  readonly changes: Pick<ConnectPacket, 'clean' | 'keepalive'>;
  /** How long a message may wait for its acknowledgement because of the keepalive; `undefined` = no keepalive. */
  readonly keepaliveWaitMs: number | undefined;
}

/** Share of its keepalive that a device's message may wait: well before the device gives up on the connection. */
const KEEPALIVE_SHARE = 0.8;

/**
 * Clumsy but harmless firmware is let in without what it asked for: a will (nobody could receive it), a persistent
 * session (there is nothing to keep: `clean` is set, and CONNACK says "session present 0"), a keepalive of 0 or a very
 * long one (replaced, so that a connection silent for `maxKeepaliveSeconds` ends). A will with QoS 3 and a
 * password without a user name are no MQTT.
 */
export function judgeConnect(packet: ConnectPacket, maxKeepaliveSeconds: number): ConnectJudgement {
  const tolerated: ToleratedKind[] = [];
  const keepalive = packet.keepalive ?? 0;
  const unlimited = keepalive === 0 || keepalive > maxKeepaliveSeconds;
  if (packet.will !== undefined) tolerated.push('will');
  if (packet.clean === false) tolerated.push('persistent-session');
  if (unlimited) tolerated.push('keepalive');
  return {
    fatal: fatalIn(packet),
    tolerated,
    changes: { clean: true, keepalive: unlimited ? maxKeepaliveSeconds / SILENCE_FACTOR : keepalive },
    keepaliveWaitMs: keepalive === 0 ? undefined : keepalive * 1000 * KEEPALIVE_SHARE,
  };
}

function fatalIn({
  will,
  username,
  password,
  protocolVersion = 4,
}: ConnectPacket): ConnectJudgement['fatal'] {
  if ((will?.qos ?? 0) > 2) return 'invalid-will';
  // [MQTT-3.1.2-22]. MQTT 5 allows it.
  return password !== undefined && username === undefined && protocolVersion < 5
    ? 'protocol-error'
    : undefined;
}
