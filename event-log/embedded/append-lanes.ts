import type { AppendRecord } from '#contract/log-record.ts';
import { AppendLane, type PackedAppends } from './append-lane.ts';
import type { Segment } from './log-thread-calls.ts';

/** What the lanes of single keys may add to a transaction that is full already, so that they get their turn. Bytes. */
const KEY_LANES_BYTES = 1024 * 1024;

/** Appends of one lane that are part of a transaction. */
export interface TakenAppends extends PackedAppends {
  readonly lane: AppendLane;
}

/**
 * One lane per topic; of a topic with a share, one per key and one for what is owed. Those of single keys are let go
 * when they are empty.
 */
export class AppendLanes {
  readonly #hasKeyLanes: (topic: string) => boolean;
  readonly #lanes = new Map<string, AppendLane>();

  constructor(hasKeyLanes: (topic: string) => boolean) {
    this.#hasKeyLanes = hasKeyLanes;
  }

  of(record: AppendRecord): AppendLane {
    const name = this.#nameOf(record);
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = new AppendLane(record.topic, record.owed);
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  /** Takes what is due out of the lanes, about `maxBytes` of it. @returns also when the next lane is due, or Infinity */
  take(maxBytes: number, now: number): { readonly taken: TakenAppends[]; readonly retryAt: number } {
    const taken: TakenAppends[] = [];
    let retryAt = Infinity;
    let room = maxBytes;
    for (const [name, lane] of this.#lanes) {
      const isKeyLane = name !== lane.topic;
      if (lane.notBefore > now) {
        if (!lane.isEmpty) retryAt = Math.min(retryAt, lane.notBefore);
      } else if (lane.isEmpty) {
        if (isKeyLane) this.#lanes.delete(name);
      } else if (!isKeyLane || room > -KEY_LANES_BYTES) {
        for (const appends of lane.take(room)) {
          room -= appends.payload.length;
          taken.push({ lane, ...appends });
        }
      }
    }
    return { taken, retryAt };
  }

  all(): Iterable<AppendLane> {
    return this.#lanes.values();
  }

  #nameOf({ topic, key, owed }: AppendRecord): string {
    if (!this.#hasKeyLanes(topic)) return topic;
    return owed === true ? `${topic}\0` : `${topic}\0${key}`;
  }
}

/** As the writer thread takes it. */
export function segmentOf({ lane, payload, pending }: TakenAppends, timestamp: number): Segment {
  return { topic: lane.topic, records: pending.length, timestamp, owed: lane.owed, payload };
}
