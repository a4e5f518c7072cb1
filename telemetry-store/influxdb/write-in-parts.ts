import { pause } from '#runtime/retry.ts';
import type { Point, RejectedPoint, WriteOutcome } from '#telemetry-store/telemetry-store.ts';
import { judgeRefusal, SentPoint } from './refusal.ts';
import type { Verdict } from './write-answer.ts';

/** From here on, the server gets as long a rest after each answer as the answer took. */
const REQUESTS_WITHOUT_REST = 32;

export interface PartsResult {
  readonly outcome: WriteOutcome;
  /** How many requests it took, the refused one that came before included. */
  readonly requests: number;
}

/**
 * Writes points, and when some are refused writes them again in ever smaller parts until each is stored or refused.
 * Writing again what is stored changes nothing (P3). An answer that blames no point ends it: the whole batch is to be
 * written again later.
 */
export async function writeInParts(
  points: readonly Point[],
  send: (part: readonly Point[]) => Promise<Verdict>,
): Promise<PartsResult> {
  const first = await send(points);
  if (first.kind === 'stored') return { outcome: { kind: 'written', rejected: [] }, requests: 1 };
  if (first.kind !== 'refused') return { outcome: first, requests: 1 };

  const rejected: RejectedPoint[] = [];
  const waiting: (readonly SentPoint[])[] = [];
  const judge = async (part: readonly SentPoint[], reason: string): Promise<void> => {
    const refusal = await judgeRefusal(part, reason);
    if (refusal.kind === 'split') waiting.push(refusal.parts[1], refusal.parts[0]);
    else
      part.forEach(({ index }, at) => void rejected.push({ index, reason: refusal.reasons[at] ?? reason }));
  };
  await judge(
    points.map((point, index) => new SentPoint(index, point)),
    first.reason,
  );
  let requests = 1;
  for (let part = waiting.pop(); part !== undefined; part = waiting.pop()) {
    const sentAt = performance.now();
    const verdict = await send(part.map(({ point }) => point));
    requests++;
    if (verdict.kind === 'refused') await judge(part, verdict.reason);
    else if (verdict.kind !== 'stored') return { outcome: verdict, requests };
    if (requests >= REQUESTS_WITHOUT_REST) await pause(performance.now() - sentAt);
  }
  rejected.sort((a, b) => a.index - b.index);
  return { outcome: { kind: 'written', rejected }, requests };
}
