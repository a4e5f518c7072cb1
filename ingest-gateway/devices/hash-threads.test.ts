import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '#runtime/testing/eventually.ts';
import { HashThreads } from './hash-threads.ts';
import { hashPassword, type ScryptHash } from './password-hash.ts';

const right = Buffer.from('right');
const wrong = Buffer.from('wrong');
let kept: ScryptHash;

beforeAll(async () => {
  kept = await hashPassword(right, { n: 2, r: 1, p: 1 });
});

/** Of the threads of this process, as `nice` counts. */
const priorities = (): number[] =>
  readdirSync('/proc/self/task').map((id) => {
    const [, fields = ''] = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ');
    return Number(fields.split(' ')[16]);
  });

describe('threads that compute hashes', () => {
  it('[P9] tell the right password from a wrong one, whatever was asked for at the same time', async () => {
    using threads = new HashThreads();
    const asked = Array.from({ length: 20 }, (_, i) => threads.verify(i % 3 === 0 ? right : wrong, kept));
    expect(await Promise.all(asked)).toEqual(asked.map((_, i) => i % 3 === 0));
  });

  it.skipIf(process.platform !== 'linux')('[P10] leave the cores to the event loop', async () => {
    using threads = new HashThreads();
    await Promise.all([1, 2, 3].map(() => threads.verify(right, kept)));
    const nicer = Math.min(19, getPriority() + 5);
    // Those of the test before may not have ended yet, and one of these may not have begun.
    await eventually(() => expect(priorities().filter((nice) => nice === nicer)).toHaveLength(2));
  });

  it('tell of a hash that cannot be computed, and go on', async () => {
    using threads = new HashThreads();
    await expect(threads.verify(right, { ...kept, n: 3 })).rejects.toThrow(/scrypt|N|Invalid/);
    expect(await threads.verify(right, kept)).toBe(true);
  });

  it('end when they have had nothing to do for a while, and begin anew', async () => {
    using threads = new HashThreads(1);
    for (let round = 0; round < 2; round++) {
      expect(await threads.verify(right, kept)).toBe(true);
      await eventually(() => expect(threads.size).toBe(0));
    }
  });

  it('fail what they had when they end', async () => {
    const threads = new HashThreads();
    const asked = threads.verify(right, kept);
    threads[Symbol.dispose]();
    await expect(asked).rejects.toThrow('ended');
    await expect(threads.verify(right, kept)).rejects.toThrow('any more');
  });
});
