import { LIMITS } from '#contract/limits.ts';
import type { ConnackProperties } from './encode-packet.ts';

export interface ConnackTerms {
  readonly receiveMaximum: number;
  readonly packetBytes: number;
  /** What the client asked for, capped. */
  readonly sessionExpirySeconds: number;
  /** Seconds; `undefined` = the one that the client asked for. */
  readonly serverKeepAlive: number | undefined;
}

/** What CONNACK tells a client that is let in (MQTT 5, 3.2.2.3). What is the default is left out. */
export function connackProperties(terms: ConnackTerms): ConnackProperties {
  return {
    sessionExpiryInterval: terms.sessionExpirySeconds,
    receiveMaximum: terms.receiveMaximum,
    maximumPacketSize: terms.packetBytes,
    topicAliasMaximum: LIMITS.topicAliases,
    retainAvailable: 0,
    wildcardSubscriptionAvailable: 0,
    subscriptionIdentifierAvailable: 0,
    sharedSubscriptionAvailable: 0,
    ...(terms.serverKeepAlive !== undefined && { serverKeepAlive: terms.serverKeepAlive }),
  };
}
