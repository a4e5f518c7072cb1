import { createHash } from 'node:crypto';
import type { DeadLetter } from '#contract/dead-letter.ts';

/** The same for letters that say the same: device, reason, index in its batch, bytes, and what `more` adds. */
export function letterDigest(
  { deviceId, reason, index = -1, payload }: Pick<DeadLetter, 'deviceId' | 'reason' | 'index' | 'payload'>,
  more = '',
): string {
  return createHash('sha256')
    .update(JSON.stringify([deviceId, reason, index, more]))
    .update(payload)
    .digest('base64');
}
