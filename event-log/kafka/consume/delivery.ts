import type { EachBatchPayload } from 'kafkajs';
import { LIMITS } from '#contract/limits.ts';
import type { LogRecord } from '#contract/log-record.ts';
import type { DeliveredBatch, SubscribeOptions } from '#event-log/event-log.ts';
import { handleBatch, identityOf } from '#event-log/handle-batch.ts';
import type { SecondLook } from '#event-log/kafka/ask/fetch-partition.ts';
import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import { toLogRecord } from '#event-log/kafka/wire/log-records.ts';
import { recordsOf, secondLookAt } from '#event-log/kafka/wire/record-tunnel.ts';
import { pause } from '#runtime/retry.ts';
import { handlerPieces } from './handler-pieces.ts';
import type { SharedCommits } from './shared-commits.ts';

/** What stands at an offset where what kafkajs fetched cannot be taken as it is. */
export type LookAgain = (topic: string, partition: number, offset: number) => Promise<SecondLook>;

export interface DeliveryDeps {
  readonly telemetry: KafkaTelemetry;
  readonly random: () => number;
  readonly heartbeatMs: number;
  readonly lookAgain: LookAgain;
  /** Of the whole consumer. */
  readonly commits: SharedCommits;
  /** A heartbeat failed: the membership of the whole consumer is in doubt, not only this partition. */
  readonly onMembershipLost: (error: Error) => void;
}

/** How long a handler may take to notice its signal, before the consumer goes on without it: in time for it to leave its group. */
const ABORT_GRACE_MS = LIMITS.shutdownLeaveMs - 1_000;

/** Between looks at what the brokers cannot read. */
const UNREADABLE_PAUSE_MS = 5_000;

/**
 * Takes one fetched batch to the handler: cut to the handler's size, piece by piece, each *handled*, then *committed*,
 * then *resolved* (kafkajs' word for "fetch after this"). In this order: a commit that fails leaves the position where
 * it was, and the piece comes again.
 *
 * Ends in one of three ways. All pieces are committed. Or `lost` fires, because a heartbeat failed, the group was
 * joined anew, or the subscription closes: the piece in hand is discarded whatever its handler returns, and nothing is
 * committed after that. Or a commit fails: its error goes to kafkajs, which joins again or retries.
 *
 * Where the broker cannot read, or what it sent is damaged, its partition is asked directly before, and what nobody can
 * read any more is delivered as such. While that cannot be found out the partition stands still, and only it.
 */
export async function deliver(
  payload: EachBatchPayload,
  options: SubscribeOptions,
  lost: AbortSignal,
  deps: DeliveryDeps,
): Promise<void> {
  const { batch } = payload;
  const { topic, partition } = batch;
  const heartbeats = setInterval(() => {
    // There is no callback for a partition that is taken away: this rejection is how one learns it.
    payload.heartbeat().catch(deps.onMembershipLost);
  }, deps.heartbeatMs);
  const finish = async (piece: DeliveredBatch, last: string): Promise<boolean> => {
    await commit(payload, piece, options, last, lost, deps);
    // A commit answered while the group was joined anew: the position is not ours to move any more.
    if (lost.aborted) return false;
    payload.resolveOffset(last);
    deps.telemetry.damageSetAside(piece.records);
    if (piece.records.length > 0) options.onCommitted?.(piece);
    return true;
  };
  try {
    const fetched = await fetchedBy(batch, options, lost, deps);
    if (fetched?.last === undefined) return;
    const records = fetched.records.map((record) => toLogRecord(topic, partition, record));
    const last = String(fetched.last);
    // Control records and aborted transactions alone: nobody sees them, but the group has to get past them.
    if (records.length === 0 && !lost.aborted) await finish({ topic, partition, records }, last);
    let left = records.length;
    for (const inPiece of handlerPieces(records, options)) {
      const piece = { topic, partition, records: inPiece };
      if (!(await handleBatch(piece, options, lost, { ...deps, graceMs: ABORT_GRACE_MS }))) return;
      left -= inPiece.length;
      // The batch may end with what nobody sees: that is done with as well.
      if (!(await finish(piece, left === 0 ? last : lastOffset(inPiece)))) return;
    }
  } finally {
    clearInterval(heartbeats);
  }
}

/** @returns undefined when it cannot be known now */
async function fetchedBy(
  batch: EachBatchPayload['batch'],
  { group }: SubscribeOptions,
  lost: AbortSignal,
  { lookAgain, telemetry }: DeliveryDeps,
): Promise<SecondLook | undefined> {
  const { topic, partition } = batch;
  const at = secondLookAt(batch);
  if (at === undefined) return { records: recordsOf(batch), last: Number(batch.lastOffset()) };
  try {
    return await lookAgain(topic, partition, at);
  } catch (error) {
    telemetry.partitionUnreadable(topic, group, partition, at, error);
    await pause(UNREADABLE_PAUSE_MS, lost);
    return undefined;
  }
}

async function commit(
  payload: EachBatchPayload,
  batch: DeliveredBatch,
  options: SubscribeOptions,
  last: string,
  lost: AbortSignal,
  deps: DeliveryDeps,
): Promise<void> {
  const { topic, partition } = batch;
  const offset = (BigInt(last) + 1n).toString();
  try {
    await deps.commits.commit({ topic, partition, offset }, payload.commitOffsetsIfNecessary, lost);
  } catch (error) {
    deps.telemetry.commitFailed(identityOf(batch, options.group), error);
    throw error;
  }
}

function lastOffset(records: readonly LogRecord[]): string {
  const last = records.at(-1);
  return String(last === undefined ? -1 : last.offset + (last.damagedRecords ?? 1) - 1);
}
