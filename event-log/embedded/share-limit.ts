import { LIMITS } from '#contract/limits.ts';
import type { TopicShare } from '#event-log/event-log.ts';
import { ROW_BYTES } from './append-lane.ts';

/** What a topic may take, and one key of it. Bytes. */
export interface ShareLimit {
  readonly maxBytes: number;
  readonly maxKeyBytes: number;
}

export function shareLimit(share: Pick<TopicShare, 'ofLog' | 'perKey'>, logMaxBytes: number): ShareLimit {
  const maxBytes = Math.floor(share.ofLog * logMaxBytes);
  return { maxBytes, maxKeyBytes: Math.floor(share.perKey * maxBytes) };
}

/** How full a share is, or what its fullest key may have of it; 1 = full. */
export function shareUsed(
  use: ShareLimit & { readonly bytes: number; readonly fullestKeyBytes: number },
): number {
  return Math.max(use.bytes / use.maxBytes, use.fullestKeyBytes / use.maxKeyBytes);
}

/** From this share on, what is settled goes before its time, so that there is room before it is needed. */
const CROWDED_SHARE = 0.8;

/** What one append may bring: a row, and the letter that fills it. In a small log that is more than the last fifth. */
const ROOM_BYTES = ROW_BYTES + 1.25 * LIMITS.packetBytes;

/** What holds more than this is crowded. Bytes. */
export function crowdedAboveBytes(maxBytes: number): number {
  return Math.max(0, Math.min(CROWDED_SHARE * maxBytes, maxBytes - ROOM_BYTES));
}

/**
 * Why records of one key do not fit into the share of their topic; `undefined` when they do. What is larger than a
 * whole limit fits when nothing else is there: else it would be refused for ever, however much is cleared away.
 */
export function shareRefusal(
  held: { readonly bytes: number; readonly keyBytes: number },
  incomingBytes: number,
  { maxBytes, maxKeyBytes }: ShareLimit,
): string | undefined {
  if (held.keyBytes > 0 && held.keyBytes + incomingBytes > maxKeyBytes) {
    return `it holds ${held.keyBytes} of at most ${maxKeyBytes} bytes of this device`;
  }
  if (held.bytes > 0 && held.bytes + incomingBytes > maxBytes) {
    return `it holds ${held.bytes} of at most ${maxBytes} bytes`;
  }
  return undefined;
}
