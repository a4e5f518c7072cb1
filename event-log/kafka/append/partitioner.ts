/**
 * The partition of a keyed record, as Kafka's own Java producer chooses it (`BuiltInPartitioner`: murmur2 of the key
 * bytes, sign bit cleared, modulo the partition count): other producers of the same key agree, and it stays the same
 * while the partition count does, which is what order per device rests on (P4).
 */
export function partitionOf(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

/** `org.apache.kafka.common.utils.Utils.murmur2`, a signed 32 bit integer. */
export function murmur2(data: Uint8Array): number {
  const M = 0x5bd1e995;
  const { length } = data;
  const byte = (index: number): number => data[index] ?? 0;
  let h = 0x9747b28c ^ length;
  const tail = length & ~3;
  for (let i = 0; i < tail; i += 4) {
    let k = byte(i) | (byte(i + 1) << 8) | (byte(i + 2) << 16) | (byte(i + 3) << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    h = Math.imul(h, M) ^ Math.imul(k, M);
  }
  const rest = length & 3;
  if (rest === 3) h ^= byte(tail + 2) << 16;
  if (rest >= 2) h ^= byte(tail + 1) << 8;
  if (rest >= 1) h = Math.imul(h ^ byte(tail), M);
  h = Math.imul(h ^ (h >>> 13), M);
  return h ^ (h >>> 15);
}
