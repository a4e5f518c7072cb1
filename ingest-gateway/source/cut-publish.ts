import { lengthBytes, readLength } from './packet-length.ts';

/** Of a packet's first byte: QoS 1 or 2, so that it has a packet id. */
const QOS_BITS = 0b110;
const PACKET_ID_BYTES = 2;

/**
 * A PUBLISH of MQTT 5 that was cut within its properties, so that no parser makes sense of it: what is left of them stands
 * in the place of its payload. So it is refused as too large and acknowledged; else the broker would send it for ever.
 */
export function withoutCutProperties(bytes: Buffer): Buffer {
  const header = readLength(bytes, 1);
  if (header === undefined) return bytes;
  const topicAt = 1 + header.bytes;
  const propertiesAt =
    topicAt + 2 + bytes.readUInt16BE(topicAt) + ((bytes[0] as number) & QOS_BITS ? PACKET_ID_BYTES : 0);
  const properties = readLength(bytes, propertiesAt);
  if (properties === undefined) return bytes;
  const restAt = propertiesAt + properties.bytes;
  if (restAt + properties.length <= bytes.length) return bytes;
  const none = Buffer.from([0]);
  const body = [bytes.subarray(topicAt, propertiesAt), none, bytes.subarray(restAt)];
  const length = body.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([bytes.subarray(0, 1), lengthBytes(length), ...body]);
}
