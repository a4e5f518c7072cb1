import { describe, expect, it } from 'vitest';
import { type GatewayLimits, gatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { ArrivalLimits } from './arrival-limits.ts';

function setUp(changed: Partial<GatewayLimits> = {}) {
  let now = 0;
  const limits = gatewayLimits({
    connections: 8,
    reservedConnections: 2,
    connectionsPerAddress: 5,
    silentPerAddress: 3,
    connectsPerSecondPerAddress: 1,
    connectBurstPerAddress: 100,
    ...changed,
  });
  const arrivals = new ArrivalLimits<{ readonly name: string }>(limits, () => now);
  const all = new Map<string, { readonly name: string }>();
  return {
    /** What becomes of a socket: who it pushed out, why it is refused, or nothing. */
    arrive(name: string, address: string): string {
      const refusal = arrivals.refusal(address);
      if (refusal !== undefined) return refusal;
      const connection = { name };
      all.set(name, connection);
      const crowded = arrivals.enter(connection, address);
      if (crowded === undefined) return '';
      arrivals.left(crowded.evict, address);
      return `${crowded.evict.name} ${crowded.reason}`;
    },
    greet: (...names: string[]) => {
      for (const name of names) arrivals.greeted(all.get(name) as { name: string });
    },
    leave: (name: string, address: string) => arrivals.left(all.get(name) as { name: string }, address),
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('arrival limits', () => {
  it('silent connections of an address give way to its next one; those that said CONNECT stay', () => {
    const { arrive, greet } = setUp();
    expect(['a1', 'a2', 'a3'].map((name) => arrive(name, 'a'))).toEqual(['', '', '']);
    greet('a1');
    expect(arrive('a4', 'a')).toBe('');
    expect(arrive('a5', 'a')).toBe('a2 too-many-from-address');
    expect(arrive('a6', 'a')).toBe('a3 too-many-from-address');
    expect(arrive('b1', 'b')).toBe('');
  });

  it('an address has so many connections and no more, unless some of them are silent', () => {
    const { arrive, greet, leave } = setUp({ silentPerAddress: 100 });
    const names = ['a1', 'a2', 'a3', 'a4', 'a5'];
    for (const name of names) arrive(name, 'a');
    expect(arrive('a6', 'a')).toBe('a1 too-many-from-address');
    greet('a2', 'a3', 'a4', 'a5', 'a6');
    expect(arrive('a7', 'a')).toBe('too-many-from-address');
    expect(arrive('b1', 'b')).toBe('');
    leave('a2', 'a');
    expect(arrive('a8', 'a')).toBe('');
  });

  it('a full gateway takes another one as long as somebody is silent', () => {
    const { arrive, greet } = setUp({ connectionsPerAddress: 100 });
    for (let i = 0; i < 9; i++) {
      expect(arrive(`c${i}`, 'crowd')).toBe('');
      greet(`c${i}`);
    }
    expect(arrive('silent', 'elsewhere')).toBe('');
    expect(arrive('new', 'home')).toBe('silent too-many-connections');
    greet('new');
    expect(arrive('late', 'home')).toBe('too-many-connections');
  });

  it('an address opens so many a second', () => {
    const { arrive, leave, pass } = setUp({ connectBurstPerAddress: 2 });
    for (const name of ['a1', 'a2']) {
      expect(arrive(name, 'a')).toBe('');
      leave(name, 'a');
    }
    expect(arrive('a3', 'a')).toBe('connecting-too-fast');
    expect(arrive('b1', 'b')).toBe('');
    pass(1_000);
    expect(arrive('a4', 'a')).toBe('');
  });
});
