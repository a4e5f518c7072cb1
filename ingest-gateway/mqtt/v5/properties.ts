import { LIMITS } from '#contract/limits.ts';
import type { PacketReader } from './packet-reader.ts';

/** Where properties stand: a packet that clients send, or the will within their CONNECT. */
export type PropertyPlace =
  | 'connect'
  | 'will'
  | 'publish'
  | 'acknowledgement'
  | 'subscribe'
  | 'unsubscribe'
  | 'disconnect';

/** The properties that the gateway acts on. The others are checked and forgotten. */
export interface Properties {
  sessionExpiryInterval?: number;
  receiveMaximum?: number;
  maximumPacketSize?: number;
  /** 0: reason strings are not wanted. */
  requestProblemInformation?: number;
  authenticationMethod?: string;
  authenticationData?: Buffer;
  topicAlias?: number;
  responseTopic?: string;
  subscriptionIdentifier?: number;
  /** User properties, the first of its name: the trace that the message belongs to (W3C Trace Context). */
  traceparent?: string;
  tracestate?: string;
}

interface PropertyRule {
  readonly name: string;
  readonly places: readonly PropertyPlace[];
  /** Reads the value, judges it, and keeps it if it is acted on. */
  readonly read: (reader: PacketReader, into: Properties) => void;
}

/** Values that are no more than yes or no. */
const flag =
  (name: string, keep?: 'requestProblemInformation') => (reader: PacketReader, into: Properties) => {
    const value = reader.byte();
    if (value > 1) reader.fail('against-rules', `${name} is ${value}`);
    if (keep !== undefined) into[keep] = value;
  };
const fourBytes = (reader: PacketReader): unknown => reader.fourBytes();
const text = (reader: PacketReader): unknown => reader.text();

const rule = (name: string, places: readonly PropertyPlace[], read: PropertyRule['read']): PropertyRule => ({
  name,
  places,
  read,
});

const SUBSCRIPTION_IDENTIFIER = 11;
const USER_PROPERTY = 38;
/** The user properties that are acted on. */
const TRACE = ['traceparent', 'tracestate'] as const;
/** By identifier: name and places of MQTT 5, table 2-4, as far as clients send them. */
const RULES: readonly (PropertyRule | undefined)[] = Object.assign([] as PropertyRule[], {
  1: rule('payload format indicator', ['publish', 'will'], flag('payload format indicator')),
  2: rule('message expiry interval', ['publish', 'will'], fourBytes),
  3: rule('content type', ['publish', 'will'], text),
  8: rule('response topic', ['publish', 'will'], (reader, into) => {
    into.responseTopic = reader.text();
    // [MQTT-3.3.2-14]
    if (/^$|[#+]/.test(into.responseTopic))
      reader.fail('against-rules', 'the response topic is no topic name');
  }),
  9: rule('correlation data', ['publish', 'will'], (reader) => reader.binary()),
  [SUBSCRIPTION_IDENTIFIER]: rule('subscription identifier', ['subscribe'], (reader, into) => {
    into.subscriptionIdentifier = reader.variableBytes();
    if (into.subscriptionIdentifier === 0) reader.fail('against-rules', 'subscription identifier 0');
  }),
  17: rule('session expiry interval', ['connect', 'disconnect'], (reader, into) => {
    into.sessionExpiryInterval = reader.fourBytes();
  }),
  21: rule('authentication method', ['connect'], (reader, into) => {
    into.authenticationMethod = reader.text();
  }),
  22: rule('authentication data', ['connect'], (reader, into) => {
    into.authenticationData = reader.binary();
  }),
  23: rule(
    'request problem information',
    ['connect'],
    flag('request problem information', 'requestProblemInformation'),
  ),
  24: rule('will delay interval', ['will'], fourBytes),
  25: rule('request response information', ['connect'], flag('request response information')),
  31: rule('reason string', ['acknowledgement', 'disconnect'], text),
  33: rule('receive maximum', ['connect'], (reader, into) => {
    into.receiveMaximum = reader.twoBytes();
    if (into.receiveMaximum === 0) reader.fail('against-rules', 'receive maximum 0');
  }),
  34: rule('topic alias maximum', ['connect'], (reader) => reader.twoBytes()),
  35: rule('topic alias', ['publish'], (reader, into) => {
    into.topicAlias = reader.twoBytes();
    if (into.topicAlias === 0) reader.fail('topic-alias', 'topic alias 0');
  }),
  [USER_PROPERTY]: rule(
    'user property',
    ['connect', 'will', 'publish', 'acknowledgement', 'subscribe', 'unsubscribe', 'disconnect'],
    (reader, into) => {
      const name = reader.oneOf(TRACE);
      if (name === undefined) return reader.skipText();
      const value = reader.text();
      into[name] ??= value;
    },
  ),
  39: rule('maximum packet size', ['connect'], (reader, into) => {
    into.maximumPacketSize = reader.fourBytes();
    if (into.maximumPacketSize === 0) reader.fail('against-rules', 'maximum packet size 0');
  }),
});

const NONE: Properties = Object.freeze({});

/**
 * Reads the properties at the place of the reader: those that may stand there (2.2.2.2), each once except user
 * properties, all inside their length, and not more than `LIMITS.propertyBytes`, which is looked at before anything else
 * is read: a packet of 28,000 user properties took 80 ms.
 */
export function readProperties(reader: PacketReader, place: PropertyPlace): Properties {
  const length = reader.variableBytes();
  if (length === 0) return NONE;
  if (length > LIMITS.propertyBytes) {
    reader.fail('against-rules', `more than ${LIMITS.propertyBytes} bytes of properties`);
    return NONE;
  }
  const part = reader.part(length);
  const properties: Properties = {};
  const seen: boolean[] = [];
  while (!part.atEnd) {
    const id = part.variableBytes();
    const known = RULES[id];
    if (known === undefined) part.fail('malformed', `no property of a client has the identifier ${id}`);
    else if (!known.places.includes(place)) {
      // A PUBLISH may carry one, but not to a server [MQTT-3.3.4-6].
      const kind = place === 'publish' && id === SUBSCRIPTION_IDENTIFIER ? 'against-rules' : 'malformed';
      part.fail(kind, `${known.name} in ${place}`);
    } else if (seen[id] && id !== USER_PROPERTY) part.fail('against-rules', `${known.name} twice`);
    else {
      seen[id] = true;
      known.read(part, properties);
    }
  }
  reader.join(part);
  return properties;
}
