import { describe, expect, it } from 'vitest';
import { type GatewayLimits, gatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { ArrivalLimits, type Arriving } from './arrival-limits.ts';

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
  interface Named extends Arriving {
    readonly name: string;
    readonly socket: { bytesRead: number };
  }
  const arrivals = new ArrivalLimits<Named>(limits, () => now);
  const all = new Map<string, Named>();
  const named = (name: string) => all.get(name) as Named;
  return {
    /** What becomes of a socket: who it pushed out, why it is refused, or nothing. */
    arrive(name: string, address: string): string {
      const refusal = arrivals.refusal(address);
      if (refusal !== undefined) return refusal;
      const connection = { name, address, arrivedAt: now, socket: { bytesRead: 0 } };
      all.set(name, connection);
      const crowded = arrivals.enter(connection);
      if (crowded === undefined) return '';
      arrivals.left(crowded.connection);
      return `${crowded.connection.name} ${crowded.reason}`;
    },
    say: (...names: string[]) => {
      for (const name of names) named(name).socket.bytesRead++;
    },
    greet: (...names: string[]) => {
      for (const name of names) arrivals.greeted(named(name));
    },
    leave: (name: string) => arrivals.left(named(name)),
    /** Who leaves at the next look. */
    look(why: RefusalReason = 'too-many-from-address'): string {
      const leaving = arrivals.look();
      for (const { connection, reason } of leaving) {
        expect(reason).toBe(why);
        arrivals.left(connection);
      }
      return leaving.map(({ connection }) => connection.name).join(' ');
    },
    silent: () => arrivals.silent,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

describe('arrival limits', () => {
  it('the oldest silent connections of an address give way when it has too many; those that said CONNECT stay', () => {
    const { arrive, greet, look } = setUp({ connectionsPerAddress: 100 });
    for (const name of ['a1', 'a2', 'a3', 'a4', 'a5', 'a6']) expect(arrive(name, 'a')).toBe('');
    for (const name of ['b1', 'b2', 'b3']) expect(arrive(name, 'b')).toBe('');
    greet('a1');
    expect([look(), look(), look()]).toEqual(['', 'a2 a3', '']);
  });

  it('[P10] nobody gives way before all that came from it was read, however many come in one moment', () => {
    const { arrive, say, greet, look, silent } = setUp({ connectionsPerAddress: 100, connections: 100 });
    const names = Array.from({ length: 50 }, (_, i) => `a${i}`);
    for (const name of names) expect(arrive(name, 'a')).toBe('');
    expect(look()).toBe('');
    // Handshakes come to their end one after the other; each answer is something.
    for (let i = 0; i < 5; i++) {
      say(...names);
      expect(look()).toBe('');
      greet(...names.splice(0, 5));
    }
    expect(silent()).toBe(25);
    say('a30', 'a31');
    expect(look().split(' ')).toHaveLength(22);
    expect(silent()).toBe(3);
  });

  it('[P10] who takes too long until CONNECT leaves, whatever it says meanwhile', () => {
    const { arrive, say, greet, look, pass, silent } = setUp({ connectMs: 5_000 });
    for (const name of ['a1', 'a2']) arrive(name, 'a');
    for (let step = 0; step < 10; step++) {
      pass(1_000);
      say('a1', 'a2');
      if (step === 4) arrive('b1', 'b');
      expect(look()).toBe('');
    }
    greet('a2');
    pass(1);
    expect(look('connect-timeout')).toBe('a1');
    expect(silent()).toBe(1);
    pass(10_000);
    expect(look('connect-timeout')).toBe('b1');
  });

  it('an address has so many connections and no more, unless some of them are silent', () => {
    const { arrive, greet, leave } = setUp({ silentPerAddress: 100 });
    const names = ['a1', 'a2', 'a3', 'a4', 'a5'];
    for (const name of names) arrive(name, 'a');
    expect(arrive('a6', 'a')).toBe('a1 too-many-from-address');
    greet('a2', 'a3', 'a4', 'a5', 'a6');
    expect(arrive('a7', 'a')).toBe('too-many-from-address');
    expect(arrive('b1', 'b')).toBe('');
    leave('a2');
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
      leave(name);
    }
    expect(arrive('a3', 'a')).toBe('connecting-too-fast');
    expect(arrive('b1', 'b')).toBe('');
    pass(1_000);
    expect(arrive('a4', 'a')).toBe('');
  });
});
