import { beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD_CHECK_LIMITS, PasswordChecks } from './password-checks.ts';
import { hashPassword, type ScryptHash } from './password-hash.ts';

const from = (deviceId: string) => ({ deviceId, address: '192.0.2.1', isKnown: false });
const never = new AbortController().signal;
const right = Buffer.from('right');
const wrong = Buffer.from('wrong');
let kept: ScryptHash;

beforeAll(async () => {
  kept = await hashPassword(right, { n: 2, r: 1, p: 1 });
});

async function isRemembered(
  checks: PasswordChecks,
  id: string,
  password: Buffer,
  entry = kept,
): Promise<boolean> {
  const before = checks.hashes;
  await checks.check(from(id), password, entry, never);
  return checks.hashes === before;
}

describe('password checks', () => {
  it('computes the hash once for a device that comes back, right or wrong', async () => {
    const checks = new PasswordChecks();
    expect(await checks.check(from('dev-1'), right, kept, never)).toBe('verified');
    expect(await checks.check(from('dev-2'), wrong, kept, never)).toBe('wrong');
    expect(await isRemembered(checks, 'dev-1', right)).toBe(true);
    expect(await isRemembered(checks, 'dev-2', wrong)).toBe(true);
    expect(await isRemembered(checks, 'dev-2', right)).toBe(false);
    expect(await checks.check(from('dev-2'), right, kept, never)).toBe('verified');
    expect(await checks.check(from('dev-1'), wrong, kept, never)).toBe('wrong');
    expect(await checks.check(from('dev-1'), right, kept, never)).toBe('verified');
  });

  it('[P10] gives every other turn to addresses that are known, however many strangers guess', async () => {
    const checks = new PasswordChecks({ ...PASSWORD_CHECK_LIMITS, concurrent: 1 });
    const answered: string[] = [];
    const ask = async (deviceId: string, address: string, isKnown: boolean): Promise<void> => {
      await checks.check({ deviceId, address, isKnown }, right, kept, never);
      answered.push(deviceId);
    };
    const strangers = Array.from({ length: 40 }, (_, i) => ask(`s${i}`, `192.0.2.${i}`, false));
    const known = Array.from({ length: 5 }, (_, i) => ask(`k${i}`, '198.51.100.1', true));
    await Promise.all([...strangers, ...known]);
    // The first stranger was at work before anybody else came.
    expect(answered.slice(1, 11).filter((id) => id.startsWith('k'))).toEqual(['k0', 'k1', 'k2', 'k3', 'k4']);
    expect(answered.filter((id) => id.startsWith('s'))).toHaveLength(40);
  });

  it('forgets after a while, and when the entry of the device is another one', async () => {
    let now = 0;
    const checks = new PasswordChecks(PASSWORD_CHECK_LIMITS, () => now);
    await checks.check(from('dev-1'), right, kept, never);
    now = PASSWORD_CHECK_LIMITS.rememberVerifiedMs - 1;
    expect(await isRemembered(checks, 'dev-1', right)).toBe(true);
    now++;
    expect(await isRemembered(checks, 'dev-1', right)).toBe(false);
    expect(await isRemembered(checks, 'dev-1', right, { ...kept })).toBe(false);
    checks.forget('dev-1');
    expect(await isRemembered(checks, 'dev-1', right)).toBe(false);
  });

  it('does not let guesses push out who is verified', async () => {
    const checks = new PasswordChecks({ ...PASSWORD_CHECK_LIMITS, rememberedWrong: 5 });
    await checks.check(from('dev-0'), right, kept, never);
    for (let i = 0; i < 20; i++) await checks.check(from(`dev-${i}`), Buffer.from(`guess ${i}`), kept, never);
    expect(await isRemembered(checks, 'dev-0', right)).toBe(true);
    expect(await isRemembered(checks, 'dev-1', Buffer.from('guess 1'))).toBe(false);
  });

  it('tells who does not fit into the queue to come back, and leaves out who has gone', async () => {
    const checks = new PasswordChecks({ ...PASSWORD_CHECK_LIMITS, concurrent: 1, waiting: 2 });
    const gone = AbortSignal.abort();
    const verdicts = await Promise.all([
      checks.check(from('dev-1'), right, kept, never),
      checks.check(from('dev-2'), right, kept, gone),
      checks.check(from('dev-3'), right, kept, never),
      checks.check(from('dev-4'), right, kept, never),
    ]);
    expect(verdicts).toEqual(['verified', 'busy', 'verified', 'busy']);
    expect(checks.hashes).toBe(2);
    expect(await checks.check(from('dev-4'), right, kept, never)).toBe('verified');
  });
});

describe('a fleet that connects for the first time', () => {
  it('is told at once to come back where the turn would come too late, and is let in as fast as hashes are computed', async () => {
    let now = 0;
    const checks = new PasswordChecks(
      { ...PASSWORD_CHECK_LIMITS, concurrent: 1, longestWaitMs: 1_000 },
      () => now,
    );
    const measured = checks.measure([kept]);
    now = 50;
    await measured;
    const verdicts: string[] = [];
    const all = Array.from({ length: 100 }, (_, i) =>
      checks.check(from(`dev-${i}`), right, kept, never).then((verdict) => void verdicts.push(verdict)),
    );
    // Another address has its turn soon, and is not kept out by them.
    const elsewhere = checks.check({ ...from('other'), address: '198.51.100.1' }, right, kept, never);
    await Promise.all(all);
    const busy = verdicts.filter((verdict) => verdict === 'busy').length;
    // One runs, twenty of 50 ms wait for a second at most.
    expect(busy).toBe(100 - 1 - 21);
    expect(verdicts.slice(0, busy)).toEqual(Array(busy).fill('busy'));
    expect(await elsewhere).toBe('verified');
    expect(checks.hashes).toBe(23);
  });
});

describe('a password for which there is nothing to check', () => {
  it('[P9] waits for its turn and as long as a check takes, and takes nobody’s', async () => {
    const checks = new PasswordChecks({ ...PASSWORD_CHECK_LIMITS, concurrent: 1 });
    expect(await checks.check(from('nobody'), right, undefined, never)).toBe('wrong');
    await checks.measure([await hashPassword(right, { n: 1 << 14, r: 8, p: 1 })]);
    const answered: string[] = [];
    const ask = (id: string, entry: ScryptHash | undefined) =>
      checks.check(from(id), wrong, entry, never).then(() => void answered.push(id));
    await Promise.all([ask('dev-1', kept), ask('nobody', undefined), ask('dev-2', kept), ask('dev-3', kept)]);
    // Not before those that were there first; and those behind it did not wait for it.
    expect(answered).toEqual(['dev-1', 'dev-2', 'dev-3', 'nobody']);
    expect(checks.hashes).toBe(3);
  });
});
