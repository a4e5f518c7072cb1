import type { SourceSettings } from '#runtime/settings.ts';

export type SourceVersion = SourceSettings['version'];

/** Return codes of CONNACK (MQTT 3.1.1, 3.2.2.3). */
const RETURN_CODES: Readonly<Record<number, string>> = {
  1: 'unacceptable protocol version',
  2: 'identifier rejected',
  3: 'server unavailable',
  4: 'bad user name or password',
  5: 'not authorized',
};

/** Reason codes of CONNACK, SUBACK and DISCONNECT (MQTT 5, 2.4), as far as a broker may say them to us. */
const REASON_CODES: Readonly<Record<number, string>> = {
  128: 'unspecified error',
  129: 'malformed packet',
  130: 'protocol error',
  131: 'implementation specific error',
  132: 'unsupported protocol version',
  133: 'client identifier not valid',
  134: 'bad user name or password',
  135: 'not authorized',
  136: 'server unavailable',
  137: 'server busy',
  138: 'banned',
  139: 'server shutting down',
  140: 'bad authentication method',
  141: 'keep alive timeout',
  142: 'session taken over',
  143: 'topic filter invalid',
  147: 'receive maximum exceeded',
  149: 'packet too large',
  151: 'quota exceeded',
  152: 'administrative action',
  156: 'use another server',
  157: 'server moved',
  158: 'shared subscriptions not supported',
  159: 'connection rate exceeded',
  161: 'subscription identifiers not supported',
  162: 'wildcard subscriptions not supported',
};

/** DISCONNECT: another client connected with the same client id. */
export const SESSION_TAKEN_OVER = 142;
/** CONNACK of a broker that does not speak MQTT 5; in its own words, or in those of MQTT 3.1.1. */
const NOT_THIS_VERSION: readonly number[] = [132, 1];

/** What a broker said, for people. */
export function wordsOf(version: SourceVersion, code: number, reasonString?: string): string {
  const known = (version === '5' && code >= 128 ? REASON_CODES : RETURN_CODES)[code] ?? 'unknown code';
  const said = reasonString === undefined ? '' : `: ${reasonString}`;
  const hint =
    version === '5' && NOT_THIS_VERSION.includes(code)
      ? '; MQTT_SOURCE_VERSION=3.1.1 speaks an older one'
      : '';
  return `${known} (${code})${said}${hint}`;
}
