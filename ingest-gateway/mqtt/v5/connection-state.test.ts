import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReceiveWindow } from './receive-window.ts';
import { SessionMemory } from './session-memory.ts';
import { TopicAliases } from './topic-aliases.ts';

describe('topic aliases', () => {
  const unset = (alias: number) => ({ kind: 'against-rules', why: `topic alias ${alias} has no topic` });
  const above = (alias: number) => ({ kind: 'topic-alias', why: `topic alias ${alias} is above 10` });

  it('hold as long as the connection, and can be set again', () => {
    const aliases = new TopicAliases(10, 100);
    expect(aliases.resolve('a', undefined)).toBe('a');
    expect(aliases.resolve('', 1)).toEqual(unset(1));
    expect(aliases.resolve('a', 1)).toBe('a');
    expect(aliases.resolve('b', 10)).toBe('b');
    expect(aliases.resolve('', 1)).toBe('a');
    expect(aliases.resolve('c', 1)).toBe('c');
    expect(aliases.resolve('', 1)).toBe('c');
    expect(aliases.resolve('', 10)).toBe('b');
    expect(aliases.resolve('a', 11)).toEqual(above(11));
    expect(aliases.resolve('', 65_535)).toEqual(above(65_535));
  });

  it('[P6] hold no more text than all of them may, whatever one of them has', () => {
    const aliases = new TopicAliases(10, 10);
    expect(aliases.resolve('12345', 1)).toBe('12345');
    expect(aliases.resolve('67890', 2)).toBe('67890');
    expect(aliases.resolve('x', 3)).toMatchObject({ kind: 'long-aliases' });
    expect(aliases.resolve('', 3), 'it was not kept').toEqual(unset(3));
    expect(aliases.resolve('123', 1)).toBe('123');
    expect(aliases.resolve('xy', 3)).toBe('xy');
    expect(aliases.resolve('xyz', 3)).toMatchObject({ kind: 'long-aliases' });
    expect([1, 2, 3].map((alias) => aliases.resolve('', alias))).toEqual(['123', '67890', 'xy']);
    expect(aliases.resolve('a topic without an alias', undefined)).toBe('a topic without an alias');
  });
});

describe('receive window', () => {
  it('frees a place with PUBACK, with a PUBREC that refuses, and with PUBCOMP', () => {
    const window = new ReceiveWindow(2);
    expect([window.take(), window.take(), window.take()]).toEqual([true, true, false]);
    window.acknowledged();
    window.received(7);
    expect(window.inflight).toBe(2);
    expect(window.release(7)).toBe(true);
    expect(window.release(7)).toBe(false);
    expect(window.inflight).toBe(1);
  });

  it('counts a message that is sent again under its identifier once', () => {
    const window = new ReceiveWindow(10);
    for (let i = 0; i < 50; i++) {
      expect(window.take()).toBe(true);
      window.received(7);
    }
    expect(window.inflight).toBe(1);
    expect(window.release(7)).toBe(true);
    expect(window.inflight).toBe(0);
  });

  it('knows what earlier connections left behind, and gives them no room', () => {
    const window = new ReceiveWindow(2, [5, 6]);
    expect([window.take(), window.take()]).toEqual([true, true]);
    expect(window.release(5)).toBe(true);
    expect(window.inflight).toBe(2);
    window.received(6);
    expect([...window.unreleased()]).toEqual([6]);
    expect(window.release(6)).toBe(true);
    expect(window.inflight).toBe(1);
  });

  it('never counts below nothing, nor above what was taken', () => {
    const step = fc.constantFrom('publish', 'puback', 'pubrec', 'pubrel', 'wrong pubrel');
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const window = new ReceiveWindow(5);
        let open = 0;
        let nextId = 1;
        const waiting: number[] = [];
        for (const it of steps) {
          if (it === 'publish' && open + waiting.length < 5) {
            expect(window.take()).toBe(true);
            open++;
          } else if (it === 'puback' && open > 0) {
            window.acknowledged();
            open--;
          } else if (it === 'pubrec' && open > 0) {
            window.received(nextId);
            waiting.push(nextId++);
            open--;
          } else if (it === 'pubrel' && waiting.length > 0) {
            expect(window.release(waiting.shift() as number)).toBe(true);
          } else expect(window.release(60_000)).toBe(false);
          expect(window.inflight).toBe(open + waiting.length);
          expect([...window.unreleased()]).toEqual(waiting);
        }
      }),
    );
  });
});

describe('session memory', () => {
  const memory = (sessions = 3) => {
    const clock = { now: 1_000 };
    return { clock, sessions: new SessionMemory({ maxExpirySeconds: 100, sessions, now: () => clock.now }) };
  };
  const NONE = new Uint16Array();

  it('[P2] remembers a session until its own expiry, or the cap', () => {
    const { clock, sessions } = memory();
    sessions.keep('a', 10, Uint16Array.of(4, 5));
    sessions.keep('b', 0xffffffff, NONE);
    clock.now += 9_999;
    expect([...(sessions.take('a') ?? [])]).toEqual([4, 5]);
    expect(sessions.take('a')).toBeUndefined();
    clock.now += 90_000;
    expect(sessions.take('b')).toEqual(NONE);
    sessions.keep('b', 0xffffffff, NONE);
    clock.now += 100_000;
    expect(sessions.take('b')).toBeUndefined();
    expect(sessions.size).toBe(0);
  });

  it('keeps none whose expiry is 0, also in the place of one that was kept', () => {
    const { sessions } = memory();
    sessions.keep('a', 10, NONE);
    sessions.keep('a', 0, NONE);
    expect(sessions.take('a')).toBeUndefined();
  });

  it('[P6] is bounded: who has been away for longest is forgotten', () => {
    const { sessions } = memory(3);
    for (const id of ['a', 'b', 'c']) sessions.keep(id, 10, NONE);
    sessions.keep('a', 10, NONE);
    sessions.keep('d', 10, NONE);
    expect(sessions.size).toBe(3);
    expect(['a', 'b', 'c', 'd'].map((id) => sessions.take(id) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });
});
