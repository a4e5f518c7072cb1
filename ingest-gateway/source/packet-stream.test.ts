import { Duplex } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { PacketStream } from './packet-stream.ts';

const RELEASES = 10_000;
/** In one read of the socket. */
const AT_ONCE = 100;

const pubrel = (messageId: number): Buffer => Buffer.from([0x62, 2, messageId >> 8, messageId & 0xff]);
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A broker that sends, and takes what is answered when it is told to. */
function brokerStream() {
  const state: { take: () => void } = { take: () => undefined };
  const stream = new Duplex({
    read: () => undefined,
    write: (_chunk, _encoding, taken) => {
      state.take = taken;
    },
    writableHighWaterMark: AT_ONCE,
  });
  return { stream, take: () => state.take() };
}

it('[P6] answers that the broker does not take stop the reading, and end the connection when it never takes them', async () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(0);
  const { stream, take } = brokerStream();
  const handled: (number | undefined)[] = [];
  const options = { protocolVersion: 4, packetBytes: 1_000, budgets: [] } as const;
  const packets = new PacketStream(stream, options, {
    packet: ({ messageId }) => {
      handled.push(messageId);
      packets.answers.pubcomp(messageId ?? 0);
    },
    ended: () => undefined,
  });
  const ids = Array.from({ length: RELEASES }, (_, at) => at + 1);
  for (let at = 0; at < RELEASES; at += AT_ONCE) {
    stream.push(Buffer.concat(ids.slice(at, at + AT_ONCE).map(pubrel)));
    await turn();
  }
  expect(packets.paused).toBe(true);
  expect(handled.length).toBeLessThanOrEqual(2 * AT_ONCE);
  now.mockReturnValue(60_000);
  expect(packets.silentMs).toBe(60_000);
  take();
  await turn();
  expect(packets.silentMs).toBe(0);
  for (let left = RELEASES; left > 0 && handled.length < RELEASES; left--) {
    take();
    await turn();
  }
  expect(handled).toEqual(ids);
  packets.destroy();
  now.mockRestore();
});
