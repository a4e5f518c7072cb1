import { Counter, Histogram } from 'prom-client';
import type { RejectReason } from '#contract/reject-reason.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import { FrequentHistogram } from '#runtime/frequent-histogram.ts';
import { createWorthALine } from '#runtime/worth-a-line.ts';
import { RETRY_CAUSES } from '#telemetry-store/telemetry-store.ts';
import type { WriteDecision } from './write-decision.ts';

/** Why points were not taken by the store and are tried again; the values of the label `cause`. */
const NOT_WRITTEN_CAUSES = [
  ...RETRY_CAUSES.filter((cause) => cause !== 'aborted'),
  'misconfigured',
  'rejects-all',
] as const;

export type WriterTelemetry = ReturnType<typeof createWriterTelemetry>;

/** What became of the readings of one batch. */
export interface BatchTally {
  readonly consumed: number;
  /** Readings by schema name. */
  readonly stored: ReadonlyMap<string, number>;
  readonly deadLettered: ReadonlyMap<RejectReason, number>;
}

/** The events of the telemetry-writer: one function = one log line and/or one metric. */
export function createWriterTelemetry(deps: Deps, schemas: SchemaRegistry) {
  const log = deps.log.child({ part: 'telemetry-writer' });
  const registers = [deps.metrics];

  const consumed = new Counter({
    name: 'writer_readings_consumed_total',
    help: 'Readings in committed batches; a record that is not one of ours counts as one',
    registers,
  });
  const stored = new Counter({
    name: 'writer_readings_stored_total',
    help: 'Readings in committed batches that the store has',
    labelNames: ['schema'],
    registers,
  });
  const deadLettered = new Counter({
    name: 'writer_dead_letters_total',
    help: 'Readings in committed batches that were dead-lettered',
    labelNames: ['reason'],
    registers,
  });
  const writeSeconds = new Histogram({
    name: 'writer_write_seconds',
    help: 'Seconds that one write to the store took, whatever its outcome',
    buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const retries = new Counter({
    name: 'writer_write_retries_total',
    help: 'Writes that must be repeated; causes misconfigured and rejects-all wait for a person',
    labelNames: ['cause'],
    registers,
  });
  const batchPoints = new Histogram({
    name: 'writer_batch_points',
    help: 'Points in one write to the store',
    buckets: [1, 10, 50, 100, 250, 500, 1000, 2500, 5000],
    registers,
  });
  const rebalances = new Counter({
    name: 'writer_rebalances_total',
    help: 'Times that the partitions were shared out anew among the processors',
    registers,
  });
  const ageSeconds = new FrequentHistogram({
    name: 'telemetry_age_seconds',
    help: 'Seconds from the receipt of a message by the gateway until it was stored; replayed ones are left out',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200, 43200],
    registers,
  });

  for (const schema of schemas.keys()) stored.inc({ schema }, 0);
  for (const reason of REJECT_REASONS) deadLettered.inc({ reason }, 0);
  for (const cause of NOT_WRITTEN_CAUSES) retries.inc({ cause }, 0);

  let storeTakesPoints = true;
  const worthALine = createWorthALine();

  return {
    started(topic: string, group: string): void {
      log.info({ topic, group }, 'writing readings to the store');
    },
    tooManyTags(): void {
      log.warn(
        'devices have more than 10000 sets of labels: each that STORE_TAGS picks is a series of its own in the store',
      );
    },
    assigned(partitions: readonly number[]): void {
      rebalances.inc();
      log.info({ partitions }, 'partitions assigned');
    },
    /** Once per write, whatever its outcome. */
    wrote(points: number, seconds: number): void {
      batchPoints.observe(points);
      writeSeconds.observe(seconds);
    },
    /** The store took a write, or refused points of it for good. */
    storeAnswered(): void {
      if (!storeTakesPoints) log.info('the store takes points again');
      storeTakesPoints = true;
    },
    notWritten(
      decision: Extract<WriteDecision, { readonly kind: 'retry' | 'hold' }>,
      partition: number,
    ): void {
      const { cause, detail, delayMs } = decision;
      retries.inc({ cause });
      storeTakesPoints = false;
      if (!worthALine(cause)) return;
      const what = { cause, detail, delayMs, partition };
      if (decision.kind === 'retry') log.warn(what, 'the store does not take points now, trying again');
      else if (cause === 'misconfigured') {
        log.error(
          what,
          'the store refuses us: check address, token, organisation and bucket; readings are kept',
        );
      } else {
        log.error(
          what,
          'the store refuses every point, for one cause: readings are kept until it takes them, or STORE_REJECT_ALL=dead-letter',
        );
      }
    },
    /** In letters of their own; `words` are the store's about the first of them. */
    refusedForGood(points: number, words: string, partition: number): void {
      if (!worthALine('refused for good')) return;
      log.warn({ points, words, partition }, 'the store refuses points for good, they are dead-lettered');
    },
    storedAfter(seconds: number): void {
      ageSeconds.observe(Math.max(0, seconds));
    },
    deadLettersNotDurable(letters: number, error: unknown, delayMs: number): void {
      if (!worthALine('dead letters')) return;
      log.warn({ letters, error: describeError(error), delayMs }, 'dead letters not written, trying again');
    },
    committed(tally: BatchTally, partition: number): void {
      consumed.inc(tally.consumed);
      for (const [schema, readings] of tally.stored) stored.inc({ schema }, readings);
      for (const [reason, readings] of tally.deadLettered) {
        deadLettered.inc({ reason }, readings);
        if (worthALine(`dead-lettered ${reason}`)) log.warn({ reason, readings, partition }, 'dead-lettered');
      }
    },
    stopped(): void {
      log.info('telemetry-writer stopped');
    },
  };
}
