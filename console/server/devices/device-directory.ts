import type { DeviceSort, DeviceState, DevicesPage } from '#console/api/devices.ts';
import type { DeviceList, DeviceSource } from '#console/server/parts.ts';
import type { DeviceGlance } from '#ingest-gateway/intake/known-devices.ts';
import { TimeSlice } from '#runtime/time-slice.ts';
import { rowOf } from './device-row.ts';
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

interface Listing {
  /** In the order of their ids. */
  readonly glances: readonly DeviceGlance[];
  readonly counts: DevicesPage['counts'];
  readonly status: DeviceList['status'];
}

const STATES: Readonly<Record<DeviceState, (device: DeviceGlance) => boolean>> = {
  connected: ({ connected }) => connected,
  silent: ({ connected, silentSince }) => !connected || silentSince !== null,
  refused: ({ refused }) => refused > 0,
  'turned-away': ({ turnedAway }) => turnedAway > 0,
  'off-clock': ({ clockAheadMs }) => clockAheadMs !== undefined,
};

/** By what is sorted; -Infinity where nothing is known: it comes first, or last. */
const SORTS: Readonly<Record<Exclude<DeviceSort, 'id'>, (device: DeviceGlance) => number>> = {
  lastSeen: ({ lastSeen }) => lastSeen ?? Number.NEGATIVE_INFINITY,
  accepted: ({ accepted }) => accepted,
  refused: ({ refused }) => refused,
  turnedAway: ({ turnedAway }) => turnedAway,
  clockSkew: ({ clockAheadMs }) =>
    clockAheadMs === undefined ? Number.NEGATIVE_INFINITY : Math.abs(clockAheadMs),
};

/**
 * The devices, for many who look: the list is made when somebody asks, at most every two seconds, and shared. What is asked of
 * it (search, order, page) costs a walk over it and no more, and the walk rests: in `npm start` the devices that it is about
 * share the event loop with it. It is a list of glances; whole are only the rows that are answered, and those as they are by then:
 * a row may be two seconds younger than its place.
 */
export class DeviceDirectory {
  readonly #source: DeviceSource;
  readonly #now: () => number;
  readonly #ids = new IdOrder();
  #listed: { readonly at: number; readonly listing: Promise<Listing> } | undefined;
  #answered:
    | {
        readonly listing: Listing;
        readonly question: string;
        readonly found: Promise<readonly DeviceGlance[]>;
      }
    | undefined;

  constructor(source: DeviceSource, now: () => number) {
    this.#source = source;
    this.#now = now;
  }

  async page(query: DeviceQuery): Promise<DevicesPage> {
    const { skip, limit } = query;
    const listing = await this.#list();
    const found = await this.#found(listing, query);
    return {
      devices: found.slice(skip, skip + limit).flatMap(({ id }) => {
        const device = listing.status(id);
        return device === undefined ? [] : [rowOf(device)];
      }),
      total: found.length,
      next: skip + limit < found.length ? String(skip + limit) : null,
      counts: listing.counts,
    };
  }

  /** In the order that is asked for. The last answer is kept: who scrolls, and who looks at the same, asks for it once more. */
  #found(listing: Listing, query: DeviceQuery): Promise<readonly DeviceGlance[]> {
    const { search, sort, order, state } = query;
    const question = JSON.stringify([search, sort, order, state]);
    if (this.#answered?.listing !== listing || this.#answered.question !== question) {
      const found = foundAmong(listing.glances, search, state).then((all) => sortedBy(sort, order, all));
      this.#answered = { listing, question, found };
    }
    return this.#answered.found;
  }

  #list(): Promise<Listing> {
    const now = this.#now();
    const age = now - (this.#listed?.at ?? Number.NEGATIVE_INFINITY);
    if (this.#listed === undefined || age >= FRESH_MS || age < 0)
      this.#listed = {
        at: now,
        listing: this.#source.list().then(async ({ glances, status }) => ({
          counts: await countsOf(glances),
          glances: await this.#ids.sorted(glances),
          status,
        })),
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

  async sorted(devices: readonly DeviceGlance[]): Promise<readonly DeviceGlance[]> {
    const placed = new Array<DeviceGlance | undefined>(this.#places.size).fill(undefined);
    for (const device of devices) {
      const place = this.#places.get(device.id);
      if (place === undefined) return this.#sortedAnew(devices);
      placed[place] = device;
    }
    return placed.filter((device) => device !== undefined);
  }

  async #sortedAnew(devices: readonly DeviceGlance[]): Promise<readonly DeviceGlance[]> {
    const sorted = await sortedInSlices(devices, (a, b) => (a.id < b.id ? -1 : 1));
    this.#places = new Map(sorted.map(({ id }, place) => [id, place]));
    return sorted;
  }
}

async function countsOf(glances: readonly DeviceGlance[]): Promise<DevicesPage['counts']> {
  const states = Object.entries(STATES) as [DeviceState, (device: DeviceGlance) => boolean][];
  const counts = { connected: 0, silent: 0, refused: 0, 'turned-away': 0, 'off-clock': 0 };
  const slice = new TimeSlice();
  for (const device of glances) {
    if (slice.isOver()) await slice.rest();
    for (const [state, is] of states) if (is(device)) counts[state]++;
  }
  return { all: glances.length, ...counts };
}

async function foundAmong(
  glances: readonly DeviceGlance[],
  search: string,
  state: DeviceState | undefined,
): Promise<readonly DeviceGlance[]> {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0 && state === undefined) return glances;
  const found: DeviceGlance[] = [];
  const slice = new TimeSlice();
  for (const device of glances) {
    if (slice.isOver()) await slice.rest();
    if (state !== undefined && !STATES[state](device)) continue;
    const text = words.length === 0 ? '' : searchedText(device);
    if (words.every((word) => text.includes(word))) found.push(device);
  }
  return found;
}

/** They come in the order of their ids, and what is alike stays in it. */
async function sortedBy(
  sort: DeviceSort,
  order: DeviceQuery['order'],
  found: readonly DeviceGlance[],
): Promise<readonly DeviceGlance[]> {
  const sign = order === 'asc' ? 1 : -1;
  if (sort === 'id') return sign === 1 ? found : found.toReversed();
  const by = SORTS[sort];
  return sortedInSlices(found, (a, b) => {
    const [ofA, ofB] = [by(a), by(b)];
    return ofA === ofB ? 0 : ofA < ofB ? -sign : sign;
  });
}

/** What a search looks into. */
function searchedText({ id, address, source, labels = {} }: DeviceGlance): string {
  return [id, address, source, ...Object.values(labels)].join(' ').toLowerCase();
}
