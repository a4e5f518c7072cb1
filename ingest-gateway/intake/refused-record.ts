import type { DeadLetter } from '#contract/dead-letter.ts';
import { appendLetter } from '#event-log/append-letter.ts';
import type { PipelineError } from '#runtime/errors.ts';
import type { GatewayLog } from './gateway-log.ts';

export const NO_BYTES = new Uint8Array(0);

/**
 * What the log will never take is a dead letter, cut where need be: its device would send it again for ever.
 *
 * @param letter without its payload, which the refusal gives back; without detail, where it stands for good readings
 * @throws what `append` throws
 */
export function appendRefused(
  log: GatewayLog,
  topic: string,
  letter: DeadLetter,
  readings: number,
  { bytes = NO_BYTES, message }: PipelineError,
  deadlineAt: number,
): Promise<unknown> {
  const detail = letter.detail ?? { message, bytes: bytes.length, readings };
  return appendLetter(log, topic, { ...letter, payload: bytes, detail }, deadlineAt);
}
