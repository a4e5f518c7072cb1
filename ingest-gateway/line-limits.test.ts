import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineLimits } from './line-limits.ts';

const OPTIONS = { windowMs: 1_000, perSubject: 1, perAddress: 3, inAll: 5, remembered: 10 };

function start() {
  const clock = { now: 0 };
  const limits = new LineLimits(OPTIONS, () => clock.now);
  return { clock, ask: (subject: string, address: string) => limits.leftOutBefore(subject, address) };
}

describe('lines', () => {
  it('of one subject come once in a window, and say how many were left out', () => {
    const { clock, ask } = start();
    expect(ask('dev-1', 'a')).toBe(0);
    for (let i = 0; i < 7; i++) expect(ask('dev-1', 'a')).toBeUndefined();
    expect(ask('dev-2', 'a')).toBe(0);
    clock.now += 1_000;
    expect(ask('dev-1', 'a')).toBe(7);
  });

  it('of the same device from two addresses are two subjects', () => {
    const { ask } = start();
    expect([ask('dev-1', 'a'), ask('dev-1', 'b')]).toEqual([0, 0]);
  });

  it('of one address are few, whatever it calls itself; other addresses have their own', () => {
    const { clock, ask } = start();
    const lines = Array.from({ length: 100 }, (_, i) => ask(`dev-${i}`, 'a')).filter(
      (it) => it !== undefined,
    );
    expect(lines).toHaveLength(3);
    expect(ask('dev-1', 'b')).toBe(0);
    clock.now += 1_000;
    expect(ask('dev-1000', 'a')).toBe(97);
  });

  it('of many addresses are bounded in all', () => {
    const { clock, ask } = start();
    const lines = Array.from({ length: 9 }, (_, i) => ask('x', `address-${i}`));
    expect(lines.filter((it) => it !== undefined)).toHaveLength(5);
    clock.now += 1_000;
    expect(ask('x', 'another')).toBe(4);
  });

  it('and those left out are all of them, in the end', () => {
    const who = fc.record({ subject: fc.nat(30), address: fc.nat(15), waitMs: fc.nat(400) });
    fc.assert(
      fc.property(fc.array(who, { maxLength: 400 }), (events) => {
        const { clock, ask } = start();
        let told = 0;
        for (const { subject, address, waitMs } of events) {
          clock.now += waitMs;
          const leftOut = ask(String(subject), String(address));
          if (leftOut !== undefined) told += 1 + leftOut;
        }
        // Whoever asks again is told what is left.
        for (const address of Array.from({ length: 16 }, (_, i) => String(i))) {
          for (const subject of Array.from({ length: 31 }, (_, i) => String(i))) {
            clock.now += 1_000;
            told += (ask(subject, address) ?? Number.NaN) + 1;
          }
        }
        expect(told).toBe(events.length + 16 * 31);
      }),
    );
  });
});
