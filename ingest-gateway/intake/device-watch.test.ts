import { describe, expect, it } from 'vitest';
import { DeviceWatch, type WatchedDevice } from './device-watch.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const SINCE = 1_764_000_000_000;

/** Devices whose counts a test moves, looked at once a minute. */
class Fleet {
  minute = 0;
  expected: string[] = [];
  keptOut = new Set<string>();
  readonly #devices = new Map<string, { -readonly [Key in keyof WatchedDevice]: WatchedDevice[Key] }>();
  readonly watch = new DeviceWatch({
    silentAfterMs: (id) => (id === 'daily' ? 24 * HOUR : id === 'whenever' ? Infinity : HOUR),
    isKeptOut: (id) => this.keptOut.has(id),
  });

  of(id: string) {
    let device = this.#devices.get(id);
    if (device === undefined) {
      device = { id, connected: true, messages: 0, handedIn: 0, refusedReadings: 0, discardedMessages: 0 };
      this.#devices.set(id, device);
    }
    return device;
  }

  sends(id: string, counts: Partial<Record<'handedIn' | 'refusedReadings' | 'discardedMessages', number>>) {
    const device = this.of(id);
    device.messages++;
    for (const [name, count] of Object.entries(counts)) device[name as 'handedIn'] += count;
  }

  look() {
    this.minute++;
    return this.watch.look(this.#devices.values(), new Set(this.expected), this.#moment());
  }

  /** @param each what happens in each minute */
  looks(minutes: number, each: () => void = () => undefined) {
    const found = { refused: [] as string[], silent: [] as string[] };
    for (let minute = 0; minute < minutes; minute++) {
      each();
      const { refused, silent } = this.look();
      found.refused.push(...refused);
      found.silent.push(...silent);
    }
    return found;
  }

  #moment() {
    return { monotonic: this.minute * MINUTE, wall: SINCE + this.minute * MINUTE };
  }
}

describe('a device most of whose readings are refused', () => {
  it('[P7] is told after five minutes, once, and until its readings are accepted again', () => {
    const fleet = new Fleet();
    fleet.looks(2, () => fleet.sends('dev-1', { handedIn: 10 }));
    const bad = () => fleet.sends('dev-1', { handedIn: 4, refusedReadings: 5 });
    expect(fleet.looks(4, bad).refused).toEqual([]);
    expect(fleet.watch.now.refused).toBe(0);
    expect(fleet.looks(3, bad).refused).toEqual(['dev-1']);
    expect(fleet.watch.now).toMatchObject({ refused: 1, silent: { open: 0, closed: 0 } });
    // From the last look that was good on.
    expect(fleet.watch.of('dev-1')).toEqual({ refusedSince: SINCE + 2 * MINUTE, silentSince: null });
    fleet.looks(1, () => fleet.sends('dev-1', { handedIn: 5, refusedReadings: 5 }));
    expect(fleet.watch.now.refused).toBe(0);
    expect(fleet.watch.of('dev-1').refusedSince).toBeNull();
  });

  it('is found, too, when it sends once an hour: by its second bad hour', () => {
    const fleet = new Fleet();
    const hour = () => {
      fleet.sends('dev-1', { refusedReadings: 1 });
      return fleet.looks(59).refused;
    };
    expect(hour()).toEqual([]);
    expect(hour()).toEqual(['dev-1']);
  });

  it('may as well be one that only publishes to topics of nobody', () => {
    const fleet = new Fleet();
    const both = () => fleet.sends('talkative', { handedIn: 1, discardedMessages: 9 });
    const lost = () => fleet.sends('lost', { discardedMessages: 1 });
    expect(
      fleet.looks(10, () => {
        both();
        lost();
      }).refused,
    ).toEqual(['lost']);
  });
});

describe('a silent device', () => {
  it('[P7] is told when its time is over, and until its next message', () => {
    const fleet = new Fleet();
    fleet.expected = ['dev-1', 'never-came', 'daily', 'whenever'];
    fleet.sends('dev-1', { handedIn: 1 });
    expect(fleet.looks(60).silent).toEqual([]);
    expect(fleet.looks(10).silent).toEqual(['dev-1', 'never-came']);
    expect(fleet.watch.now).toEqual({ known: 4, refused: 0, silent: { open: 1, closed: 1 } });
    expect(fleet.watch.of('dev-1').silentSince).toBe(SINCE + MINUTE);
    fleet.sends('dev-1', { refusedReadings: 1 });
    fleet.look();
    expect(fleet.watch.of('dev-1').silentSince).toBeNull();
    expect(fleet.looks(24 * 60).silent).toEqual(['dev-1', 'daily']);
  });

  it('is one that connects, and says nothing', () => {
    const fleet = new Fleet();
    fleet.expected = ['dev-1'];
    fleet.of('dev-1');
    expect(fleet.looks(61).silent).toEqual(['dev-1']);
    expect(fleet.watch.now.silent).toEqual({ open: 1, closed: 0 });
  });

  it('is waited for when no file names it, once it kept sending; after a week it is forgotten', () => {
    const fleet = new Fleet();
    fleet.sends('by-hand', { handedIn: 1 });
    fleet.looks(61, () => fleet.sends('dev-1', { handedIn: 1 }));
    fleet.of('dev-1').connected = false;
    expect(fleet.looks(60).silent).toEqual(['dev-1']);
    expect(fleet.watch.now).toEqual({ known: 1, refused: 0, silent: { open: 0, closed: 1 } });
    fleet.looks(7 * 24 * 60 - 60);
    expect(fleet.watch.now).toEqual({ known: 0, refused: 0, silent: { open: 0, closed: 0 } });
  });

  it('is not waited for when it was revoked or banned, nor when it is none of the file any more', () => {
    const fleet = new Fleet();
    fleet.expected = ['dev-1', 'dev-2'];
    fleet.looks(61);
    expect(fleet.watch.now.silent.closed).toBe(2);
    fleet.keptOut.add('dev-1');
    fleet.expected = ['dev-1'];
    fleet.look();
    expect(fleet.watch.now).toEqual({ known: 0, refused: 0, silent: { open: 0, closed: 0 } });
    expect(fleet.watch.of('dev-1')).toEqual({ refusedSince: null, silentSince: null });
  });
});
