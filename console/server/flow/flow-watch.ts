import type { Flow, FlowHistory } from '#console/api/flow.ts';
import { eventText, Viewers } from '#console/server/answers/viewers.ts';
import { MetricSamples, type TakeSamples } from '#console/server/metric-samples.ts';
import type { ConsoleTelemetry } from '#console/server/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { type FlowSurroundings, flowOf, historyOf } from './flow-answer.ts';
import { FlowProblems } from './flow-problems.ts';
import { type FlowSample, flowSampleOf } from './flow-sample.ts';

/** One sample in this time is kept. */
const KEEP_EVERY_MS = 5_000;
const KEPT_MS = 15 * 60 * 1000;
/** While somebody watches. */
const LIVE_EVERY_MS = 1_000;

export interface FlowWatchDeps {
  readonly take: TakeSamples;
  readonly surroundings: FlowSurroundings;
  readonly telemetry: ConsoleTelemetry;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Looks at the numbers of the pipeline: every five seconds for the history of fifteen minutes and for the problems, every
 * second while somebody watches. However many watch, a look is taken once, and its message made once.
 *
 * Two modes. *Quiet*, without viewers; *live*, from the first viewer until the last has gone. A look that takes longer than
 * its interval is waited for: there is never more than one.
 */
export class FlowWatch implements AsyncDisposable {
  readonly #deps: FlowWatchDeps;
  readonly #viewers: Viewers;
  readonly #problems = new FlowProblems();
  readonly #timer: NodeJS.Timeout;
  /** At even distances, oldest first. */
  #kept: FlowSample[] = [];
  #newest: FlowSample | undefined;
  /** Of what is kept, made when somebody asks. */
  #history: FlowHistory | undefined;
  #looking: Promise<void> | undefined;

  constructor(deps: FlowWatchDeps) {
    this.#deps = deps;
    this.#viewers = new Viewers(() => deps.telemetry.viewerDropped());
    deps.telemetry.watch(() => this.#viewers.size);
    this.#timer = setInterval(() => {
      const age = deps.now() - (this.#newest?.at ?? 0);
      if (this.#viewers.size > 0 || age >= KEEP_EVERY_MS - LIVE_EVERY_MS / 2 || age < 0) void this.look();
    }, LIVE_EVERY_MS).unref();
    void this.look();
  }

  /** @returns undefined when there are too many already. */
  get viewers(): Viewers | undefined {
    return this.#viewers.isFull ? undefined : this.#viewers;
  }

  /** As it was at the last look, which is made now when that was long ago. */
  async flow(): Promise<Flow> {
    if (this.#newest === undefined || this.#deps.now() - this.#newest.at >= LIVE_EVERY_MS) await this.look();
    return this.#answer();
  }

  history(): FlowHistory {
    this.#history ??= historyOf(this.#kept);
    return this.#history;
  }

  /** Readings of a schema that were appended since the gateways began; `undefined` = nobody tells. */
  appended(schema: string): number | undefined {
    return this.#all()?.sum('ingest_readings_appended_total', { schema });
  }

  /** What became of the messages that a mapping knew. */
  mapped(source: string): readonly (readonly [outcome: string, count: number])[] {
    const series = this.#all()?.of('ingest_mapped_messages_total') ?? [];
    return series
      .filter(({ labels }) => labels['source'] === source)
      .map(({ labels, value }) => [labels['outcome'] ?? '', value] as const);
  }

  /** Never rejects. */
  look(): Promise<void> {
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#viewers[Symbol.dispose]();
    await this.#looking;
  }

  async #lookOnce(): Promise<void> {
    const { take, now, telemetry } = this.#deps;
    try {
      const sample = flowSampleOf(now(), await take());
      this.#newest = sample;
      this.#keep(sample);
      this.#problems.judge(sample);
      if (this.#viewers.size > 0) this.#viewers.send(eventText('flow', this.#answer()));
    } catch (error) {
      telemetry.lookFailed(describeError(error));
    }
  }

  #keep(sample: FlowSample): void {
    const last = this.#kept.at(-1);
    // A clock that was set back begins anew.
    if (last !== undefined && sample.at < last.at) this.#kept = [];
    else if (last !== undefined && sample.at - last.at < KEEP_EVERY_MS - LIVE_EVERY_MS / 2) return;
    this.#history = undefined;
    // Of older ones the sums are enough.
    this.#kept.push({ ...sample, processes: [] });
    while ((this.#kept[0] as FlowSample).at < sample.at - KEPT_MS) this.#kept.shift();
  }

  #all(): MetricSamples | undefined {
    return this.#newest && MetricSamples.merged(this.#newest.processes);
  }

  #answer(): Flow {
    const newest = this.#newest ?? flowSampleOf(this.#deps.now(), []);
    const before = this.#kept.filter(({ at }) => at < newest.at);
    return flowOf([...before, newest], this.#problems.list(), this.#deps.surroundings);
  }
}
