import mqttPacket from 'mqtt-packet';
import { describe, expect, it } from 'vitest';
import { holdCompactly } from '#ingest-gateway/held-input.ts';
import { publishPacket } from '#ingest-gateway/testing/raw-client.ts';
import type { ParserInternals } from './aedes-internals.ts';

const PAYLOAD = Array.from({ length: 100_000 }, (_, i) => i % 10).join('');
const PUBLISH = Buffer.from(mqttPacket.generate(publishPacket('dev-1', PAYLOAD, 7)));
const ID = { cmd: 'publish', messageId: 7 };

function parser() {
  const inner = mqttPacket.parser() as unknown as ParserInternals;
  const packets: unknown[] = [];
  inner.on('packet', ({ cmd, messageId, payload }) =>
    packets.push({ cmd, messageId, isWhole: String(payload) === PAYLOAD }),
  );
  return {
    packets,
    held: inner._list,
    parse(bytes: Buffer): void {
      inner.parse(bytes);
      holdCompactly(inner._list);
    },
  };
}

/** What the garbage collector cannot take away. */
const memoryOf = (pieces: readonly Buffer[]): number =>
  [...new Set(pieces.map(({ buffer }) => buffer))].reduce((sum, { byteLength }) => sum + byteLength, 0);

describe('what is held of a packet that is not whole', () => {
  it('[P6] consists of few pieces, though it comes in pieces of a byte', () => {
    const { parse, held, packets } = parser();
    let most = 0;
    for (let at = 0; at < PUBLISH.length; at++) {
      parse(Buffer.from(new Uint8Array(PUBLISH.subarray(at, at + 1)).buffer));
      most = Math.max(most, held._bufs.length - held.length / 1024);
    }
    expect(most).toBeLessThanOrEqual(8);
    expect(packets).toEqual([{ ...ID, isWhole: true }]);
    expect(held.length).toBe(0);
  });

  it('[P6] keeps nothing of the chunk behind which it began', () => {
    const { parse, held, packets } = parser();
    const chunk = Buffer.alloc(64 * 1024);
    // As much as a chunk can hold of PINGREQ, and the beginning of a message.
    for (let at = 0; at < chunk.length - 10; at += 2) chunk[at] = 0xc0;
    PUBLISH.copy(chunk, chunk.length - 10, 0, 10);
    for (let at = 0; at < chunk.length; at += 16 * 1024) parse(chunk.subarray(at, at + 16 * 1024));
    expect(held.length).toBeGreaterThan(0);
    expect(memoryOf(held._bufs)).toBeLessThan(100);
    parse(Buffer.from(PUBLISH.subarray(10)));
    expect(packets.at(-1)).toEqual({ ...ID, isWhole: true });
  });

  it('[P6] keeps nothing of the chunk of which it is several pieces', () => {
    const chunk = Buffer.alloc(64 * 1024);
    const fragments = [chunk.subarray(-20, -10), chunk.subarray(-8, -4), chunk.subarray(-2)];
    const before = Buffer.from(new Uint8Array(100).buffer);
    const held = [before, ...fragments];
    holdCompactly({ length: 116, _bufs: held });
    expect(held[0]).toBe(before);
    expect(Buffer.concat(held)).toEqual(Buffer.concat([before, ...fragments]));
    expect(memoryOf(held)).toBe(116);
  });

  it('is left as it is, where it takes no more than it has', () => {
    const { parse, held } = parser();
    const slices = [PUBLISH.subarray(0, 16_384), PUBLISH.subarray(16_384, 32_768)].map((slice) =>
      Buffer.from(new Uint8Array(slice).buffer),
    );
    for (const slice of slices) parse(slice);
    expect(held._bufs.at(-1)?.buffer).toBe(slices[1]?.buffer);
  });
});
