import type { ProduceAnswer, ProduceData } from '#event-log/kafka/wire/produce-request.ts';
import { encodeRecordBatch, encodeRecordBody, spoilChecksum } from '#event-log/kafka/wire/record-batch.ts';
import { failureOfRequest } from './append-failure.ts';
import { provesWritable } from './durability.ts';
import type { Route } from './route.ts';

export interface WriteProbesDeps {
  readonly produce: (leader: number, channel: string, data: ProduceData) => Promise<ProduceAnswer>;
  readonly describeBroker: (leader: number) => string;
  /** Look at the cluster again, which ends in `run`. */
  readonly refresh: () => void;
  readonly onChange: () => void;
}

interface Probe {
  readonly route: Route;
  readonly partition: number;
}

const AGAIN_MS = 1_000;
const CHANNEL = 'append-probe';

/**
 * Asks the leaders of partitions that are not known to be writable whether they would take a record now: with a record
 * batch whose checksum is wrong. A leader looks at a batch only after everything else was in order (it is the leader, the
 * client may write, the disk is there, enough replicas are in sync), and then refuses it: nothing is ever written. The
 * answer comes from the very address, to the very kind of request, that appending needs.
 *
 * (A broker counts such a batch in `InvalidMessageCrcRecordsPerSec`: about one a second and partition, only while the
 * topic is not known to be writable. A Produce request without records would be refused before leader and replicas are
 * looked at.)
 *
 * A partition with records of its own on their way is left alone, they say more than a probe. Modes: *resting* while
 * nothing wants a probe; else *asking*, after each look at the cluster, and again a second later.
 */
export class WriteProbes {
  readonly #routes: ReadonlyMap<string, Route>;
  readonly #deps: WriteProbesDeps;
  #asking = false;
  #again: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(routes: ReadonlyMap<string, Route>, deps: WriteProbesDeps) {
    this.#routes = routes;
    this.#deps = deps;
  }

  /** Something may want a probe. Never rejects. */
  async run(): Promise<void> {
    if (this.#asking || this.#closed) return;
    this.#asking = true;
    const now = performance.now();
    const probes = [...this.#routes.values()].flatMap((route) =>
      route.health
        .wanting(now)
        .filter((partition) => route.queues[partition]?.idle)
        .map((partition) => ({ route, partition })),
    );
    const byLeader = Map.groupBy(probes, ({ route, partition }) => route.leaders[partition]);
    await Promise.all(Array.from(byLeader, ([leader, ofLeader]) => this.#ask(leader, ofLeader)));
    this.#asking = false;
    if (probes.length > 0) this.#deps.onChange();
    const isDone = [...this.#routes.values()].every(({ health }) => health.problem === undefined);
    if (!isDone && !this.#closed) this.#again ??= setTimeout(() => this.#askAgain(), AGAIN_MS);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#again);
  }

  #askAgain(): void {
    this.#again = undefined;
    this.#deps.refresh();
  }

  async #ask(leader: number | undefined, probes: readonly Probe[]): Promise<void> {
    const all = (failure: string) => {
      for (const { route, partition } of probes) route.health.probed(partition, failure);
    };
    if (leader === undefined) return all('there is no leader');
    const broker = this.#deps.describeBroker(leader);
    let answer: ProduceAnswer;
    try {
      answer = await this.#deps.produce(leader, CHANNEL, toSend(probes));
    } catch (error) {
      return all(`${broker}: ${failureOfRequest(error).detail}`);
    }
    for (const { route, partition } of probes) {
      const failure = provesWritable({ topic: route.name, partition }, answer);
      const detail = failure && `${broker}: ${failure.detail}`;
      if (failure?.cause === 'not-authorized') route.health.forbidden(partition, detail ?? '');
      else route.health.probed(partition, detail);
    }
  }
}

function toSend(probes: readonly Probe[]): ProduceData {
  return Array.from(
    Map.groupBy(probes, ({ route }) => route.name),
    ([topic, ofTopic]) => ({
      topic,
      partitions: ofTopic.map(({ partition }) => ({ partition, batch: PROBE })),
    }),
  );
}

const PROBE = spoilChecksum(encodeRecordBatch([{ body: encodeRecordBody('probe', null, {}) }], 0));
