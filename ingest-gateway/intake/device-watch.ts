import type { WatchedNow } from '#ingest-gateway/ingest-metrics.ts';

/** What the watch sees of a device: counts since the start. */
export interface WatchedDevice {
  readonly id: string;
  readonly connected: boolean;
  /** Messages of it, whatever became of them. */
  readonly messages: number;
  /** Readings in the log that it handed in, also those of others. */
  readonly handedIn: number;
  /** Readings that became dead letters. */
  readonly refusedReadings: number;
  /** Messages to topics that are not its own. */
  readonly discardedMessages: number;
}

export interface DeviceWatchOptions {
  /** Milliseconds without a message after which a device is silent; `Infinity` = never. */
  readonly silentAfterMs: (id: string) => number;
  /** Nobody waits for it: it was revoked, or banned. */
  readonly isKeptOut: (id: string) => boolean;
}

/** Ids that a look found in trouble, and the look before did not. */
export interface NewTrouble {
  readonly refused: readonly string[];
  readonly silent: readonly string[];
}

/** Milliseconds since the epoch; `null` = it is not. */
export interface Trouble {
  readonly refusedSince: number | null;
  readonly silentSince: number | null;
}

const NO_TROUBLE: Trouble = { refusedSince: null, silentSince: null };

/** Readings of a device must be refused for so long until it counts. Milliseconds. */
const REFUSED_FOR_MS = 5 * 60 * 1000;
/** A device of no file that is silent for longer has been taken away. Milliseconds. */
const GONE_AFTER_MS = 7 * 24 * 60 * 60 * 1000;

/** A time on both clocks: the one that nobody sets decides, the other one is for people. */
interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

interface Conduct {
  seen: WatchedDevice;
  firstHeard: Moment;
  heard: Moment;
  /** Since when most of its readings are refused, and the last look that saw one. */
  refusing: { readonly since: Moment; readonly until: Moment } | undefined;
  isRefused: boolean;
  isSilent: boolean;
}

/**
 * Which single devices are in trouble: a share of all traffic never tells of one of them.
 *
 * - *refused*: for five minutes most of what came from it became dead letters, or nothing of it was on its own topic. From
 *   the look that completes the five minutes until a look that finds most of its new readings accepted. A look between
 *   whose readings there are none says nothing: a device that sends once an hour is refused by its second bad hour.
 * - *silent*: no message for as long as `silentAfterMs` says, until the next one. Waited for are the devices of the
 *   credentials file, from the first look on, and others once they have kept sending for as long as that; those are
 *   forgotten after a week. A device that was revoked or banned is not waited for.
 *
 * It looks at counts, once a minute: messages pay nothing for it. 10,000 devices take some milliseconds.
 */
export class DeviceWatch {
  readonly #options: DeviceWatchOptions;
  #conducts = new Map<string, Conduct>();
  #lookedAt: Moment | undefined;
  #now: WatchedNow = { known: 0, refused: 0, silent: { open: 0, closed: 0 } };

  constructor(options: DeviceWatchOptions) {
    this.#options = options;
  }

  /** As the last look found it. */
  get now(): WatchedNow {
    return this.#now;
  }

  of(id: string): Trouble {
    const conduct = this.#conducts.get(id);
    if (conduct === undefined) return NO_TROUBLE;
    const { isRefused, refusing, isSilent, heard } = conduct;
    return {
      refusedSince: isRefused ? (refusing?.since.wall ?? null) : null,
      silentSince: isSilent ? heard.wall : null,
    };
  }

  /**
   * @param devices that were here since the start
   * @param expected ids of the credentials file
   */
  look(devices: Iterable<WatchedDevice>, expected: ReadonlySet<string>, moment: Moment): NewTrouble {
    const conducts = new Map<string, Conduct>();
    const trouble = { refused: [] as string[], silent: [] as string[] };
    const count = { known: 0, refused: 0, open: 0, closed: 0 };
    const judge = (seen: WatchedDevice): void => {
      if (this.#options.isKeptOut(seen.id)) return;
      const before = this.#conducts.get(seen.id);
      const conduct = this.#hear(before, seen, moment);
      const silence = this.#silenceOf(conduct, expected.has(seen.id), moment);
      if (silence === 'gone') return;
      conducts.set(seen.id, conduct);
      conduct.isRefused = isRefused(conduct);
      conduct.isSilent = silence === 'silent';
      if (silence !== 'not waited for') count.known++;
      if (conduct.isRefused) {
        count.refused++;
        if (!before?.isRefused) trouble.refused.push(seen.id);
      }
      if (conduct.isSilent) {
        count[seen.connected ? 'open' : 'closed']++;
        if (!before?.isSilent) trouble.silent.push(seen.id);
      }
    };
    const missing = new Set(expected);
    for (const device of devices) {
      missing.delete(device.id);
      judge(device);
    }
    for (const id of missing) judge(neverHere(id));
    this.#conducts = conducts;
    this.#lookedAt = moment;
    const { known, refused, open, closed } = count;
    this.#now = { known, refused, silent: { open, closed } };
    return trouble;
  }

  #hear(before: Conduct | undefined, device: WatchedDevice, moment: Moment): Conduct {
    const { id, connected, messages, handedIn, refusedReadings, discardedMessages } = device;
    const seen = { id, connected, messages, handedIn, refusedReadings, discardedMessages };
    const conduct = before ?? {
      seen: neverHere(id),
      firstHeard: moment,
      heard: moment,
      refusing: undefined,
      isRefused: false,
      isSilent: false,
    };
    const isHeard = messages !== conduct.seen.messages;
    const mostly = whatMostly(conduct.seen, seen);
    const { refusing } = conduct;
    return {
      ...conduct,
      seen,
      heard: isHeard ? moment : conduct.heard,
      refusing:
        mostly === 'refused'
          ? { since: refusing?.since ?? this.#lookedAt ?? moment, until: moment }
          : mostly === 'accepted'
            ? undefined
            : refusing,
    };
  }

  #silenceOf(
    { seen: { id }, firstHeard, heard }: Conduct,
    isExpected: boolean,
    { monotonic }: Moment,
  ): 'heard' | 'silent' | 'not waited for' | 'gone' {
    const silentAfterMs = this.#options.silentAfterMs(id);
    const silentMs = monotonic - heard.monotonic;
    if (!isExpected) {
      if (silentMs >= GONE_AFTER_MS) return 'gone';
      if (heard.monotonic - firstHeard.monotonic < silentAfterMs) return 'not waited for';
    }
    return silentMs >= silentAfterMs ? 'silent' : 'heard';
  }
}

function isRefused({ refusing }: Conduct): boolean {
  return refusing !== undefined && refusing.until.monotonic - refusing.since.monotonic >= REFUSED_FOR_MS;
}

/** What became of most that came between two looks. */
function whatMostly(before: WatchedDevice, now: WatchedDevice): 'accepted' | 'refused' | undefined {
  const accepted = now.handedIn - before.handedIn;
  const refused = now.refusedReadings - before.refusedReadings;
  // What is not for us is no fault of a device that sends us readings as well.
  const isElsewhere = accepted === 0 && now.discardedMessages > before.discardedMessages;
  if (refused > accepted || isElsewhere) return 'refused';
  return accepted > 0 ? 'accepted' : undefined;
}

function neverHere(id: string): WatchedDevice {
  return { id, connected: false, messages: 0, handedIn: 0, refusedReadings: 0, discardedMessages: 0 };
}
