import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeepaliveWatch } from './keepalive-watch.ts';

describe('KeepaliveWatch [P10]', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function watch() {
    const seen = { silent: 0, owed: false };
    const keepalive = new KeepaliveWatch();
    keepalive.begin(
      60,
      () => seen.owed,
      () => seen.silent++,
    );
    return { seen, keepalive };
  }

  it('lets a client go after 1.5 times its keepalive without a packet; each packet begins it anew', () => {
    const { seen, keepalive } = watch();
    vi.advanceTimersByTime(89_999);
    keepalive.heard();
    vi.advanceTimersByTime(89_999);
    expect(seen.silent).toBe(0);
    vi.advanceTimersByTime(2);
    expect(seen.silent).toBe(1);
    vi.advanceTimersByTime(1_000_000);
    expect(seen.silent).toBe(1);
  });

  it('begins anew for a client that waits for us', () => {
    const { seen } = watch();
    seen.owed = true;
    vi.advanceTimersByTime(200_000);
    expect(seen.silent).toBe(0);
    seen.owed = false;
    vi.advanceTimersByTime(90_000);
    expect(seen.silent).toBe(1);
  });

  it('hears what was said while the process stood still, and is read after its time is over', () => {
    const { seen, keepalive } = watch();
    vi.advanceTimersToNextTimer();
    keepalive.heard();
    vi.advanceTimersByTime(89_999);
    expect(seen.silent).toBe(0);
    vi.advanceTimersByTime(1);
    keepalive.end();
    vi.advanceTimersByTime(1_000_000);
    expect([seen.silent, vi.getTimerCount()]).toEqual([0, 0]);
  });

  it('leaves no timer behind', () => {
    const { seen, keepalive } = watch();
    keepalive.end();
    keepalive.heard();
    vi.advanceTimersByTime(1_000_000);
    expect([seen.silent, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
