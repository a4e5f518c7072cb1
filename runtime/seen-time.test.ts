import { describe, expect, test } from 'vitest';
import {
  BELIEVED_AFTER_MS,
  beginSeenTime,
  CLOCK_TOLERANCE_MS,
  SeenTime,
  type SeenTimeState,
} from './seen-time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = 1_764_000_000_000;

/** A machine whose true time, wall clock and process are in the test's hands. */
function machine(startWall = START) {
  let state: SeenTimeState = beginSeenTime(startWall);
  let wall = startWall;
  let monotonic = 0;
  let time = new SeenTime(state);
  time.look(wall, monotonic);
  return {
    get time() {
      return time;
    },
    /** Both clocks run, in looks of a minute at most. */
    run(ms: number, stepMs = MINUTE) {
      for (let left = ms; left > 0; left -= stepMs) {
        const step = Math.min(left, stepMs);
        wall += step;
        monotonic += step;
        time.look(wall, monotonic);
      }
    },
    /** The wall clock is set. */
    jump(ms: number) {
      wall += ms;
      time.look(wall, monotonic);
    },
    /** The process ends and begins anew; meanwhile the wall clock goes on by `ms`. */
    restart(ms: number) {
      state = JSON.parse(JSON.stringify(time.state));
      wall += ms;
      monotonic = 0;
      time = new SeenTime(state);
      time.look(wall, monotonic);
    },
    get wall() {
      return wall;
    },
  };
}

describe('[P2] time seen to pass', () => {
  test('an honest clock is followed', () => {
    const { time, run } = machine();
    run(30 * DAY, HOUR);
    expect(time.seenMs).toBe(START + 30 * DAY);
    expect(time.believedMs).toBe(START + 30 * DAY);
    expect(time.disagreementMs).toBe(0);
  });

  test('a clock 200 days ahead for 75 seconds moves nothing, and is told meanwhile', () => {
    const m = machine();
    m.run(HOUR);
    m.jump(200 * DAY);
    m.run(75_000, 1_000);
    expect(m.time.believedMs).toBe(START + HOUR + 75_000);
    expect(m.time.seenMs).toBe(START + HOUR + 75_000);
    expect(m.time.disagreementMs).toBe(200 * DAY);
    m.jump(-200 * DAY);
    m.run(10 * MINUTE);
    expect(m.time.disagreementMs).toBe(0);
    expect(m.time.believedMs).toBe(m.wall);
  });

  test('a jump that was lived with for hours is believed, but makes nothing of ours older', () => {
    const m = machine();
    m.jump(200 * DAY);
    m.run(BELIEVED_AFTER_MS - MINUTE);
    expect(m.time.believedMs).toBe(START + BELIEVED_AFTER_MS - MINUTE);
    m.run(2 * MINUTE);
    expect(m.time.believedMs).toBe(m.wall);
    expect(m.time.disagreementMs).toBe(0);
    expect(m.time.seenMs).toBe(START + BELIEVED_AFTER_MS + MINUTE);
  });

  test('a second jump does not inherit the patience that the first one earned', () => {
    const m = machine();
    m.jump(23 * HOUR);
    m.run(BELIEVED_AFTER_MS - MINUTE);
    m.jump(200 * DAY);
    m.run(HOUR);
    expect(m.time.believedMs).toBe(m.wall - 200 * DAY);
    m.run(BELIEVED_AFTER_MS);
    expect(m.time.believedMs).toBe(m.wall);
  });

  test('a long stop deletes nothing at once, and blocks nothing for ever', () => {
    const m = machine();
    m.run(HOUR);
    m.restart(21 * DAY);
    expect(m.time.onlyStopped).toBe(true);
    expect(m.time.disagreementMs).toBe(21 * DAY);
    expect(m.time.believedMs).toBe(START + HOUR);
    m.run(BELIEVED_AFTER_MS);
    expect(m.time.believedMs).toBe(m.wall);
    expect(m.time.seenMs).toBe(START + HOUR + BELIEVED_AFTER_MS);
  });

  test('a box that runs one hour a day falls behind by some days, not for ever', () => {
    const m = machine();
    for (let day = 0; day < 60; day++) {
      m.run(HOUR);
      m.restart(23 * HOUR);
    }
    expect(m.wall - m.time.believedMs).toBeLessThan(8 * DAY);
  });

  test('a process restarted every minute for months still knows how to join jumps', () => {
    const m = machine();
    for (let round = 0; round < 1_000; round++) {
      m.run(MINUTE);
      m.restart(10 * MINUTE);
      expect(m.time.state.jumps.length).toBeLessThanOrEqual(32);
    }
    expect(m.time.believedMs).toBeLessThanOrEqual(m.wall);
  });

  test('a person can say that the clock is right: a stop then counts, a jump while running never did pass', () => {
    const stopped = machine();
    stopped.restart(21 * DAY);
    stopped.time.confirm();
    expect(stopped.time.seenMs).toBe(stopped.wall);
    expect(stopped.time.believedMs).toBe(stopped.wall);
    expect(stopped.time.disagreementMs).toBe(0);

    const running = machine();
    running.jump(400 * DAY);
    running.time.confirm();
    expect(running.time.seenMs).toBe(START);
    expect(running.time.believedMs).toBe(running.wall);
  });

  test('a gateway without battery begins 400 days behind, at the first start and at every later one', () => {
    const m = machine(START - 400 * DAY);
    m.run(30_000, 1_000);
    m.jump(400 * DAY);
    // What came in within the first half minute is half a minute old, whatever the date.
    expect(m.time.seenMs - (START - 400 * DAY)).toBe(30_000);
    m.run(DAY);
    expect(m.time.believedMs).toBe(m.wall);

    m.restart(-400 * DAY);
    expect(m.time.disagreementMs).toBe(-400 * DAY);
    expect(m.time.believedMs).toBe(m.wall);
    m.run(30_000, 1_000);
    m.jump(400 * DAY + HOUR);
    m.run(BELIEVED_AFTER_MS + MINUTE);
    expect(m.time.believedMs).toBe(m.wall);
    expect(m.time.disagreementMs).toBe(0);
  });

  test('a clock that goes back deletes less at once, and becomes the truth after hours', () => {
    const m = machine();
    m.jump(-30 * DAY);
    expect(m.time.disagreementMs).toBe(-30 * DAY);
    expect(m.time.believedMs).toBe(START - 30 * DAY);
    m.run(BELIEVED_AFTER_MS + MINUTE);
    expect(m.time.disagreementMs).toBe(0);
    m.jump(30 * DAY);
    expect(m.time.disagreementMs).toBe(30 * DAY);
  });

  test('half a jump taken back leaves the other half waiting', () => {
    const m = machine();
    m.jump(10 * DAY);
    m.run(HOUR);
    m.jump(-4 * DAY);
    expect(m.time.disagreementMs).toBe(6 * DAY);
    expect(m.time.believedMs).toBe(START + HOUR);
  });

  test('many small steps are no way to jump', () => {
    const m = machine();
    for (let i = 0; i < 1_000; i++) {
      m.run(10_000, 10_000);
      m.jump(CLOCK_TOLERANCE_MS - MINUTE);
    }
    expect(m.time.believedMs).toBeLessThan(START + 10_000_000 * 1.11);
  });

  test('drift is followed', () => {
    const m = machine();
    for (let i = 0; i < 1_000; i++) {
      m.run(HOUR, HOUR);
      m.jump(1_000);
    }
    expect(m.wall - m.time.believedMs).toBeLessThan(2_000);
    expect(m.time.disagreementMs).toBe(0);
  });
});
