import type { DeviceRow, DeviceSort, DeviceState, DevicesPage } from '#console/api/devices.ts';
import type { DeviceSource, KnownDevice } from '#console/server/parts.ts';
import { TimeSlice } from '#runtime/time-slice.ts';
import { sortedInSlices } from './sorted-in-slices.ts';

/** A list of all devices is made at most once in this time, whoever asks. Milliseconds. */
const FRESH_MS = 2_000;

export interface DeviceQuery {
  readonly search: string;
  readonly sort: DeviceSort;
  readonly order: 'asc' | 'desc';
  readonly state: DeviceState | undefined;
  /** How many come before. */
  readonly skip: number;
  readonly limit: number;
}

/** A device, and what is asked of all of them again and again. */
interface Entry {
  readonly device: KnownDevice;
  readonly refused: number;
  readonly turnedAway: number;
}

interface Found {
  readonly device: KnownDevice;
  readonly key: number;
}

interface Listing {
  /** In the order of their ids. */
  readonly entries: readonly Entry[];
  readonly counts: DevicesPage['counts'];
}

const STATES: Readonly<Record<DeviceState, (entry: Entry) => boolean>> = {
  connected: ({ device }) => device.connected,
  silent: ({ device: { connected, silentSince } }) => !connected || (silentSince ?? null) !== null,
  refused: ({ refused }) => refused > 0,
  'turned-away': ({ turnedAway }) => turnedAway > 0,
  'off-clock': ({ device }) => device.clockAheadMs !== undefined,
};

/** By what is sorted; -Infinity where nothing is known: it comes first, or last. */
const SORTS: Readonly<Record<Exclude<DeviceSort, 'id'>, (entry: Entry) => number>> = {
  lastSeen: ({ device }) => device.lastSeen ?? Number.NEGATIVE_INFINITY,
  accepted: ({ device }) => device.accepted,
  refused: ({ refused }) => refused,
  turnedAway: ({ turnedAway }) => turnedAway,
  clockSkew: ({ device: { clockAheadMs } }) =>
    clockAheadMs === undefined ? Number.NEGATIVE_INFINITY : Math.abs(clockAheadMs),
};

/**
 * The devices, for many who look: the list is made when somebody asks, at most every two seconds, and shared. What is asked of
 * it (search, order, page) costs a walk over it and no more, and the walk rests: in `npm start` the devices that it is about
 * share the event loop with it.
 */
export class DeviceDirectory {
  readonly #source: DeviceSource;
  readonly #now: () => number;
  readonly #ids = new IdOrder();
  #listed: { readonly at: number; readonly listing: Promise<Listing> } | undefined;

  constructor(source: DeviceSource, now: () => number) {
    this.#source = source;
    this.#now = now;
  }

  async page({ search, sort, order, state, skip, limit }: DeviceQuery): Promise<DevicesPage> {
    const { entries, counts } = await this.#list();
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const by = sort === 'id' ? undefined : SORTS[sort];
    const found: Found[] = [];
    const slice = new TimeSlice();
    for (const entry of entries) {
      if (slice.isOver()) await slice.rest();
      if (state !== undefined && !STATES[state](entry)) continue;
      if (words.length > 0) {
        const text = searchedText(entry.device);
        if (!words.every((word) => text.includes(word))) continue;
      }
      found.push({ device: entry.device, key: by?.(entry) ?? 0 });
    }
    const sign = order === 'asc' ? 1 : -1;
    const byKey = (a: Found, b: Found): number => (a.key === b.key ? 0 : a.key < b.key ? -sign : sign);
    // They come in the order of their ids, and what is alike stays in it.
    const sorted =
      by === undefined ? (sign === 1 ? found : found.toReversed()) : await sortedInSlices(found, byKey);
    return {
      devices: sorted.slice(skip, skip + limit).map(({ device }) => rowOf(device)),
      total: found.length,
      next: skip + limit < found.length ? String(skip + limit) : null,
      counts,
    };
  }

  #list(): Promise<Listing> {
    const now = this.#now();
    const age = now - (this.#listed?.at ?? Number.NEGATIVE_INFINITY);
    if (this.#listed === undefined || age >= FRESH_MS || age < 0)
      this.#listed = {
        at: now,
        listing: this.#source
          .list()
          .then((all) => this.#ids.sorted(all))
          .then(listingOf),
      };
    return this.#listed.listing;
  }
}

/**
 * Puts devices in the order of their ids. To compare ten thousand ids with each other takes longer than all else that is done for a
 * list, and mostly they are the same as the last time: the place of each is remembered, until one comes that has none.
 */
class IdOrder {
  #places: ReadonlyMap<string, number> = new Map();

  async sorted(devices: readonly KnownDevice[]): Promise<readonly KnownDevice[]> {
    const placed = new Array<KnownDevice | undefined>(this.#places.size).fill(undefined);
    for (const device of devices) {
      const place = this.#places.get(device.id);
      if (place === undefined) return this.#sortedAnew(devices);
      placed[place] = device;
    }
    return placed.filter((device) => device !== undefined);
  }

  async #sortedAnew(devices: readonly KnownDevice[]): Promise<readonly KnownDevice[]> {
    const sorted = await sortedInSlices(devices, (a, b) => (a.id < b.id ? -1 : 1));
    this.#places = new Map(sorted.map(({ id }, place) => [id, place]));
    return sorted;
  }
}

async function listingOf(devices: readonly KnownDevice[]): Promise<Listing> {
  const entries: Entry[] = [];
  const states = Object.entries(STATES) as [DeviceState, (entry: Entry) => boolean][];
  const counts = { connected: 0, silent: 0, refused: 0, 'turned-away': 0, 'off-clock': 0 };
  const slice = new TimeSlice();
  for (const device of devices) {
    if (slice.isOver()) await slice.rest();
    const entry: Entry = {
      device,
      refused: sum(device.refused),
      turnedAway: sum(device.refusals),
    };
    entries.push(entry);
    for (const [state, is] of states) if (is(entry)) counts[state]++;
  }
  return { entries, counts: { all: devices.length, ...counts } };
}

/** What a search looks into. */
function searchedText({ id, address, source, labels = {} }: KnownDevice): string {
  return [id, address, source, ...Object.values(labels)].join(' ').toLowerCase();
}

export function rowOf(device: KnownDevice): DeviceRow {
  const { id, connected, mqttVersion, address, lastSeen, accepted, refused, refusals } = device;
  return {
    id,
    connected,
    protocol: mqttVersion,
    address,
    lastSeenAt: lastSeen,
    accepted,
    refused: sum(refused),
    refusedByReason: refused,
    turnedAway: sum(refusals),
    turnedAwayByReason: refusals,
    clockSkewMs: device.clockAheadMs ?? null,
    silentSince: device.silentSince ?? null,
    refusedSince: device.refusedSince ?? null,
    source: device.source ?? null,
  };
}

function sum(byWord: Readonly<Record<string, number>>): number {
  return Object.values(byWord).reduce((all, count) => all + count, 0);
}
