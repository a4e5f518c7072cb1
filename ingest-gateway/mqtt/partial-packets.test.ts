import { describe, expect, it } from 'vitest';
import { PartialPackets } from './partial-packets.ts';

function holder(dropped: string[], name: string) {
  return { dropPartialPacket: (bytes: number) => void dropped.push(`${name} ${bytes}`) };
}

describe('PartialPackets', () => {
  it('drops those that hold most, until a quarter is free', () => {
    const dropped: string[] = [];
    const packets = new PartialPackets(100);
    packets.hold(holder(dropped, 'small'), 10);
    packets.hold(holder(dropped, 'middle'), 30);
    packets.hold(holder(dropped, 'large'), 55);
    expect(dropped).toEqual([]);
    packets.hold(holder(dropped, 'last'), 6);
    expect(dropped).toEqual(['large 55']);
    expect(packets.bytes).toBe(46);
  });

  it('forgets what was completed', () => {
    const dropped: string[] = [];
    const packets = new PartialPackets(100);
    const one = holder(dropped, 'one');
    for (let packet = 0; packet < 10; packet++) {
      packets.hold(one, 90);
      packets.hold(one, 0);
    }
    expect([packets.bytes, dropped]).toEqual([0, []]);
  });
});
