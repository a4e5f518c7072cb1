import type { RandomStream } from '#simulator/random-stream.ts';

/** Bytes that parsers get wrong: signs, lengths, ends of strings, the first byte of longer UTF-8. */
const TELLING: readonly [number, ...number[]] = [
  0x00, 0x01, 0x7f, 0x80, 0xc0, 0xed, 0xf5, 0xfe, 0xff, 0x22, 0x5b, 0x7b,
];

type Mutation = (bytes: Buffer, random: RandomStream) => Buffer;

const MUTATIONS: readonly [Mutation, ...Mutation[]] = [
  function flipBit(bytes, random) {
    const copy = Buffer.from(bytes);
    const at = random.below(copy.length);
    copy[at] = (copy[at] as number) ^ (1 << random.below(8));
    return copy;
  },
  function overwrite(bytes, random) {
    const copy = Buffer.from(bytes);
    copy[random.below(copy.length)] = random.pick(TELLING);
    return copy;
  },
  function truncate(bytes, random) {
    return bytes.subarray(0, random.below(bytes.length));
  },
  function insert(bytes, random) {
    const at = random.below(bytes.length);
    const more = Buffer.from(Array.from({ length: 1 + random.below(8) }, () => random.pick(TELLING)));
    return Buffer.concat([bytes.subarray(0, at), more, bytes.subarray(at)]);
  },
  function repeat(bytes, random) {
    const from = random.below(bytes.length);
    const piece = bytes.subarray(from, from + 1 + random.below(64));
    const copies = Array.from({ length: 1 + random.below(50) }, () => piece);
    return Buffer.concat([bytes.subarray(0, from), ...copies, bytes.subarray(from)]);
  },
  function swap(bytes, random) {
    const at = random.below(bytes.length);
    return Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]);
  },
];

/** Damages a message in one to three ways. Empty ones stay as they are. */
export function mutate(bytes: Buffer, random: RandomStream): Buffer {
  let damaged = bytes;
  for (let left = 1 + random.below(3); left > 0 && damaged.length > 0; left--)
    damaged = random.pick(MUTATIONS)(damaged, random);
  return damaged;
}
