import type { DeviceRow, DeviceSort, DeviceState, DevicesPage } from '#console/api/devices.ts';
import type { DeviceSource, KnownDevice } from './parts.ts';

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

const STATES: Readonly<Record<DeviceState, (device: KnownDevice) => boolean>> = {
  connected: (device) => device.connected,
  silent: ({ connected, silentSince }) => !connected || (silentSince ?? null) !== null,
  refused: (device) => sum(device.refused) > 0,
  'turned-away': (device) => sum(device.refusals) > 0,
  'off-clock': (device) => device.clockAheadMs !== undefined,
};

/** By what is sorted; -Infinity where nothing is known: it comes first, or last. */
const SORTS: Readonly<Record<Exclude<DeviceSort, 'id'>, (device: KnownDevice) => number>> = {
  lastSeen: ({ lastSeen }) => lastSeen ?? Number.NEGATIVE_INFINITY,
  accepted: ({ accepted }) => accepted,
  refused: ({ refused }) => sum(refused),
  turnedAway: ({ refusals }) => sum(refusals),
  clockSkew: ({ clockAheadMs }) =>
    clockAheadMs === undefined ? Number.NEGATIVE_INFINITY : Math.abs(clockAheadMs),
};

/**
 * The devices, for many who look: the list is made when somebody asks, at most every two seconds, and shared. What is asked of
 * it (search, order, page) costs a walk over it and no more.
 */
export class DeviceDirectory {
  readonly #source: DeviceSource;
  readonly #now: () => number;
  #listed: { readonly at: number; readonly listing: Promise<Listing> } | undefined;

  constructor(source: DeviceSource, now: () => number) {
    this.#source = source;
    this.#now = now;
  }

  async page(query: DeviceQuery): Promise<DevicesPage> {
    const { devices, counts } = await this.#list();
    const { search, sort, order, state, skip, limit } = query;
    const words = search.toLowerCase().split(/\s+/).filter(Boolean);
    const found = devices.filter(
      (device) => (state === undefined || STATES[state](device)) && mentions(device, words),
    );
    const sign = order === 'asc' ? 1 : -1;
    const by = sort === 'id' ? undefined : SORTS[sort];
    // Looked up once each, not at every comparison.
    const keyed = found.map((device) => ({ device, key: by?.(device) ?? 0 }));
    keyed.sort((a, b) =>
      a.key === b.key
        ? (a.device.id < b.device.id ? -1 : 1) * (by ? 1 : sign)
        : sign * (a.key < b.key ? -1 : 1),
    );
    return {
      devices: keyed.slice(skip, skip + limit).map(({ device }) => rowOf(device)),
      total: found.length,
      next: skip + limit < found.length ? String(skip + limit) : null,
      counts,
    };
  }

  #list(): Promise<Listing> {
    const now = this.#now();
    const age = now - (this.#listed?.at ?? Number.NEGATIVE_INFINITY);
    if (this.#listed === undefined || age >= FRESH_MS || age < 0) {
      const listing = this.#source.list().then((devices) => ({ devices, counts: countsOf(devices) }));
      this.#listed = { at: now, listing };
    }
    return this.#listed.listing;
  }
}

interface Listing {
  readonly devices: readonly KnownDevice[];
  readonly counts: DevicesPage['counts'];
}

function countsOf(devices: readonly KnownDevice[]): DevicesPage['counts'] {
  const counts = Object.entries(STATES).map(([name, is]) => [name, devices.filter(is).length]);
  return { all: devices.length, ...(Object.fromEntries(counts) as Record<DeviceState, number>) };
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

function mentions({ id, address, source, labels }: KnownDevice, words: readonly string[]): boolean {
  if (words.length === 0) return true;
  const text = [id, address, source, ...Object.values(labels ?? {})].join(' ').toLowerCase();
  return words.every((word) => text.includes(word));
}

function sum(byWord: Readonly<Record<string, number>>): number {
  return Object.values(byWord).reduce((all, count) => all + count, 0);
}
