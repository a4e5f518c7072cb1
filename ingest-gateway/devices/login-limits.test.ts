import { beforeEach, describe, expect, it } from 'vitest';
import { LOGIN_LIMITS, LoginLimits } from './login-limits.ts';

const { freeOfPair, freeOfDevice, freeOfAddress, firstWaitMs, longestWaitMs, forgetMs } = LOGIN_LIMITS;
let now = 0;
let limits: LoginLimits;
beforeEach(() => {
  now = 0;
  limits = new LoginLimits({}, () => now);
});

/** Wrong as often as it is let, after the waits that it is told. @returns those waits */
function guess(deviceId: string, address: string, times: number): number[] {
  return Array.from({ length: times }, () => {
    const wait = limits.waitMs(deviceId, address);
    now += wait;
    limits.failed(deviceId, address);
    return wait;
  });
}

describe('login limits', () => {
  it('a few wrong logins cost nothing; then each wait is twice the one before, up to the longest', () => {
    const waits = guess('dev-1', 'a', freeOfPair + 12);
    expect(waits.slice(0, freeOfPair + 1)).toEqual(Array(freeOfPair + 1).fill(0));
    expect(waits.slice(freeOfPair + 1, freeOfPair + 4)).toEqual([1, 2, 4].map((n) => n * firstWaitMs));
    expect(waits.at(-1)).toBe(longestWaitMs);
  });

  it('only who is wrong waits: not another device, nor the device from elsewhere', () => {
    guess('dev-1', 'a', freeOfPair + 3);
    expect(limits.waitMs('dev-1', 'a')).toBeGreaterThan(0);
    expect(limits.waitMs('dev-2', 'a')).toBe(0);
    expect(limits.waitMs('dev-1', 'b')).toBe(0);
  });

  it('guesses from many addresses make the device wait, except where it was verified', () => {
    limits.succeeded('dev-1', 'home');
    for (let i = 0; i <= freeOfDevice; i++) limits.failed('dev-1', `bot ${i}`);
    expect(limits.waitMs('dev-1', 'another bot')).toBe(firstWaitMs);
    expect(limits.waitMs('dev-1', 'home')).toBe(0);
  });

  it('an address that is wrong for many devices waits, except for devices verified from it', () => {
    limits.succeeded('neighbour', 'a');
    for (let i = 0; i <= freeOfAddress; i++) limits.failed(`dev-${i}`, 'a');
    expect(limits.waitMs('dev-new', 'a')).toBe(firstWaitMs);
    expect(limits.waitMs('neighbour', 'a')).toBe(0);
    expect(limits.waitMs('dev-new', 'b')).toBe(0);
  });

  it('a device with an old password where it was at home makes nobody else wait', () => {
    limits.succeeded('dev-1', 'home');
    guess('dev-1', 'home', freeOfAddress + freeOfDevice);
    expect(limits.waitMs('dev-1', 'home')).toBe(longestWaitMs);
    expect(limits.waitMs('dev-2', 'home')).toBe(0);
    expect(limits.waitMs('dev-1', 'elsewhere')).toBe(0);
  });

  it('forgets: when it was right, when nothing wrong came for long, when the device has another password', () => {
    guess('dev-1', 'a', freeOfPair + 3);
    limits.succeeded('dev-1', 'a');
    expect(limits.waitMs('dev-1', 'a')).toBe(0);

    guess('dev-2', 'a', freeOfPair + 3);
    now += forgetMs + longestWaitMs;
    limits.failed('dev-2', 'a');
    expect(limits.waitMs('dev-2', 'a')).toBe(0);

    guess('dev-3', 'a', freeOfPair + 3);
    limits.forget('dev-3');
    expect(limits.waitMs('dev-3', 'a')).toBe(0);
  });

  it('remembers no more than it may', () => {
    limits = new LoginLimits({ capacity: 2, freeOfPair: 0 }, () => now);
    for (const id of ['one', 'two', 'three']) limits.failed(id, 'a');
    expect(['one', 'two', 'three'].map((id) => limits.waitMs(id, 'a') > 0)).toEqual([false, true, true]);
  });
});
