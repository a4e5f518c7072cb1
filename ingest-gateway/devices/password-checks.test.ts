import { beforeAll, describe, expect, it, vi } from 'vitest';
import { PASSWORD_CHECK_LIMITS, type PasswordCheckLimits, PasswordChecks } from './password-checks.ts';
import { hashPassword, type ScryptHash } from './password-hash.ts';
import { verifySlow } from './verify-slow.ts';

const from = (deviceId: string) => ({ deviceId, address: '192.0.2.1', isKnown: false });
const right = Buffer.from('right');
const wrong = Buffer.from('wrong');
let kept: ScryptHash;

beforeAll(async () => {
  kept = await hashPassword(right, { n: 2, r: 1, p: 1 });
});

/** Without threads: hashes that cost nothing here, in the order in which they are handed over. */
const checksOf = (changed: Partial<PasswordCheckLimits> = {}, now?: () => number): PasswordChecks =>
  new PasswordChecks({ ...PASSWORD_CHECK_LIMITS, ...changed }, now, { verify: verifySlow });

async function isRemembered(
  checks: PasswordChecks,
  id: string,
  password: Buffer,
  entry = kept,
): Promise<boolean> {
  const before = checks.hashes;
  await checks.check(from(id), password, entry);
  return checks.hashes === before;
}

describe('password checks', () => {
  it('computes the hash once for a device that comes back, right or wrong', async () => {
    const checks = checksOf();
    expect(await checks.check(from('dev-1'), right, kept)).toBe('verified');
    expect(await checks.check(from('dev-2'), wrong, kept)).toBe('wrong');
    expect(await isRemembered(checks, 'dev-1', right)).toBe(true);
    expect(await isRemembered(checks, 'dev-2', wrong)).toBe(true);
    expect(await isRemembered(checks, 'dev-2', right)).toBe(false);
    expect(await checks.check(from('dev-2'), right, kept)).toBe('verified');
    expect(await checks.check(from('dev-1'), wrong, kept)).toBe('wrong');
    expect(await checks.check(from('dev-1'), right, kept)).toBe('verified');
  });

  it('[P10] gives every other turn to addresses that are known, however many strangers guess', async () => {
    const checks = checksOf({ handedOver: 1 });
    const answered: string[] = [];
    const ask = async (deviceId: string, address: string, isKnown: boolean): Promise<void> => {
      await checks.check({ deviceId, address, isKnown }, right, kept);
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
    const checks = checksOf({}, () => now);
    await checks.check(from('dev-1'), right, kept);
    now = PASSWORD_CHECK_LIMITS.rememberVerifiedMs - 1;
    expect(await isRemembered(checks, 'dev-1', right)).toBe(true);
    now++;
    expect(await isRemembered(checks, 'dev-1', right)).toBe(false);
    expect(await isRemembered(checks, 'dev-1', right, { ...kept })).toBe(false);
    checks.forget('dev-1');
    expect(await isRemembered(checks, 'dev-1', right)).toBe(false);
  });

  it('does not let guesses push out who is verified', async () => {
    const checks = checksOf({ rememberedWrong: 5 });
    await checks.check(from('dev-0'), right, kept);
    for (let i = 0; i < 20; i++) await checks.check(from(`dev-${i}`), Buffer.from(`guess ${i}`), kept);
    expect(await isRemembered(checks, 'dev-0', right)).toBe(true);
    expect(await isRemembered(checks, 'dev-1', Buffer.from('guess 1'))).toBe(false);
  });

  it('tells who does not fit into the queue to come back', async () => {
    const checks = checksOf({ handedOver: 1, waiting: 2 });
    const verdicts = await Promise.all(
      ['dev-1', 'dev-2', 'dev-3', 'dev-4'].map((id) => checks.check(from(id), right, kept)),
    );
    expect(verdicts).toEqual(['verified', 'verified', 'verified', 'busy']);
    expect(checks.hashes).toBe(3);
    expect(await checks.check(from('dev-4'), right, kept)).toBe('verified');
  });
});

describe('a fleet that connects for the first time', () => {
  /** One hash a turn, each of which takes 50 ms of a clock that stands still otherwise. */
  async function slowMachine() {
    const clock = { now: 0 };
    const checks = checksOf({ handedOver: 1 }, () => clock.now);
    const measured = checks.measure([kept]);
    clock.now = 50;
    await measured;
    return { clock, checks };
  }

  it('has its turns in the order in which devices came, however often they come back meanwhile', async () => {
    const { checks } = await slowMachine();
    const answered: string[] = [];
    const ids = Array.from({ length: 100 }, (_, i) => `dev-${i}`);
    const ask = (id: string) => checks.check(from(id), right, kept);
    const first = ids.map((id) => ask(id).then((verdict) => void answered.push(`${id} ${verdict}`)));
    expect(checks.waiting).toBe(99);
    expect(checks.waitMs).toBeCloseTo(99 * 50);
    const again = ids.toReversed().flatMap((id) => [ask(id), ask(id), ask(id)]);
    expect(checks.waiting).toBe(99);
    await Promise.all([...first, ...again]);
    expect(answered).toEqual(ids.map((id) => `${id} verified`));
    expect(checks.hashes).toBe(100);
    // Whoever comes back after its turn is in.
    expect(await Promise.all(ids.map(ask))).toEqual(ids.map(() => 'verified'));
    expect([checks.hashes, checks.waiting, checks.waitMs]).toEqual([100, 0, 0]);
  });

  it('hands over the next ones in order before it hears that those before are done', async () => {
    const checks = checksOf();
    const all = Array.from({ length: 10 }, (_, i) => checks.check(from(`dev-${i}`), right, kept));
    // The event loop had no turn yet, and may have none for long.
    expect([checks.hashes, checks.waiting]).toEqual([4, 6]);
    expect(await Promise.all(all)).toEqual(all.map(() => 'verified'));
  });

  it('has no turn for who did not come back for long, and a new place for a new entry or another password', async () => {
    const { clock, checks } = await slowMachine();
    const ask = (id: string, password = right, entry = kept) => checks.check(from(id), password, entry);
    const [first, gone, back] = [ask('dev-1'), ask('gone'), ask('back')];
    clock.now += PASSWORD_CHECK_LIMITS.keepPlaceMs + 1;
    const again = ask('back');
    const others = [ask('back', right, { ...kept }), ask('other', wrong)];
    expect(await Promise.all([first, gone, back, again, ...others])).toEqual([
      ...['verified', 'busy', 'verified', 'verified', 'verified', 'wrong'],
    ]);
    expect(checks.hashes).toBe(4);
  });
});

describe('a password for which there is nothing to check', () => {
  it('[P9] waits for its turn and as long as a check takes, and takes nobody’s', async () => {
    const checks = checksOf({ handedOver: 1 });
    expect(await checks.check(from('nobody'), right, undefined)).toBe('wrong');
    await checks.measure([await hashPassword(right, { n: 1 << 14, r: 8, p: 1 })]);
    const answered: string[] = [];
    const ask = (id: string, entry: ScryptHash | undefined) =>
      checks.check(from(id), wrong, entry).then(() => void answered.push(id));
    await Promise.all([ask('dev-1', kept), ask('nobody', undefined), ask('dev-2', kept), ask('dev-3', kept)]);
    // Not before those that were there first; and those behind it did not wait for it.
    expect(answered).toEqual(['dev-1', 'dev-2', 'dev-3', 'nobody']);
    expect(checks.hashes).toBe(3);
  });

  it('[P10] answers the last few who came back for one place, and counts a wrong password once', async () => {
    const checks = checksOf();
    const onWrong = vi.fn();
    const rules = { mayTry: () => true, onWrong };
    const all = await Promise.all(
      Array.from({ length: 10 }, () => checks.check(from('dev-1'), wrong, kept, rules)),
    );
    expect(all).toEqual(['wrong', ...Array(6).fill('busy'), 'wrong', 'wrong', 'wrong']);
    expect([checks.hashes, onWrong.mock.calls.length]).toEqual([1, 1]);
    await checks.check(from('dev-1'), wrong, kept, rules);
    expect(onWrong).toHaveBeenCalledTimes(2);
  });

  it('[P9] computes nothing for whoever has guessed too often when the turn comes', async () => {
    const checks = checksOf({ handedOver: 1 });
    let failed = 0;
    const rules = { mayTry: () => failed < 2, onWrong: () => failed++ };
    const verdicts = await Promise.all(
      Array.from({ length: 20 }, (_, i) => checks.check(from(`dev-${i}`), wrong, kept, rules)),
    );
    expect(verdicts).toEqual(['wrong', 'wrong', ...Array(18).fill('busy')]);
    expect(checks.hashes).toBe(2);
  });
});
