/** First byte of the packets that the gateway writes (MQTT 5, 2.1.2). */
const TYPE = {
  connack: 0x20,
  puback: 0x40,
  pubrec: 0x50,
  pubrel: 0x62,
  pubcomp: 0x70,
  suback: 0x90,
  unsuback: 0xb0,
  disconnect: 0xe0,
} as const;

export const PINGRESP = Buffer.of(0xd0, 0);

const SUCCESS = 0x00;
const REASON_STRING = 0x1f;

/** A property of CONNACK that the gateway sends, with its bytes. */
const CONNACK_PROPERTIES = {
  sessionExpiryInterval: [0x11, 4],
  serverKeepAlive: [0x13, 2],
  receiveMaximum: [0x21, 2],
  topicAliasMaximum: [0x22, 2],
  retainAvailable: [0x25, 1],
  maximumPacketSize: [0x27, 4],
  wildcardSubscriptionAvailable: [0x28, 1],
  subscriptionIdentifierAvailable: [0x29, 1],
  sharedSubscriptionAvailable: [0x2a, 1],
} as const;
export type ConnackProperties = Readonly<Partial<Record<keyof typeof CONNACK_PROPERTIES, number>>>;

export function encodeConnack(
  code: number,
  sessionPresent: boolean,
  properties: ConnackProperties = {},
): Buffer {
  const parts = Object.entries(CONNACK_PROPERTIES).map(([name, [id, bytes]]) => {
    const value = properties[name as keyof ConnackProperties];
    return value === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.of(id), wholeNumber(value, bytes)]);
  });
  return packet(TYPE.connack, Buffer.of(sessionPresent ? 1 : 0, code), withLength(Buffer.concat(parts)));
}

/** @param reasonString left out when it makes the packet larger than `maxBytes` [MQTT-3.4.2-2] */
export function encodeAcknowledgement(
  type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp',
  messageId: number,
  code: number,
  reasonString: string | undefined,
  maxBytes: number,
): Buffer {
  const id = wholeNumber(messageId, 2);
  if (reasonString !== undefined) {
    const told = packet(TYPE[type], id, Buffer.of(code), reason(reasonString));
    if (told.length <= maxBytes) return told;
  }
  return code === SUCCESS ? packet(TYPE[type], id) : packet(TYPE[type], id, Buffer.of(code));
}

/** One code a filter. */
export function encodeSubscriptionAnswer(
  type: 'suback' | 'unsuback',
  messageId: number,
  codes: Uint8Array,
): Buffer {
  return packet(TYPE[type], wholeNumber(messageId, 2), Buffer.of(0), codes);
}

/** @param reasonString left out when it makes the packet larger than `maxBytes` [MQTT-3.14.2-3] */
export function encodeDisconnect(code: number, reasonString: string | undefined, maxBytes: number): Buffer {
  if (reasonString !== undefined) {
    const told = packet(TYPE.disconnect, Buffer.of(code), reason(reasonString));
    if (told.length <= maxBytes) return told;
  }
  return packet(TYPE.disconnect, Buffer.of(code));
}

/** Properties that consist of a reason string. */
function reason(text: string): Buffer {
  const bytes = Buffer.from(text);
  return withLength(Buffer.concat([Buffer.of(REASON_STRING), wholeNumber(bytes.length, 2), bytes]));
}

function packet(type: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = withLength(Buffer.concat(parts));
  return Buffer.concat([Buffer.of(type), body]);
}

/** Preceded by its length, as a variable byte integer. */
function withLength(bytes: Buffer): Buffer {
  const length: number[] = [];
  let left = bytes.length;
  do {
    const low = left & 0x7f;
    left >>>= 7;
    length.push(left > 0 ? low | 0x80 : low);
  } while (left > 0);
  return Buffer.concat([Buffer.from(length), bytes]);
}

function wholeNumber(value: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}
