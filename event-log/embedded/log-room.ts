import type { WriteAheadLog } from '#sqlite/write-ahead-log.ts';
import { LogSpace } from './log-space.ts';
import type { CommitFailure } from './log-thread-calls.ts';
import type { RecordRemoval } from './record-removal.ts';
import type { PreparedSegment, SegmentStore } from './segment-store.ts';

/** Steps of clearing away that what comes may wait for. */
const CLEARING_STEPS = 1_000;

export interface LogRoomParts {
  readonly file: string;
  readonly removal: RecordRemoval;
  readonly wal: WriteAheadLog;
  readonly store: SegmentStore;
}

/**
 * Finds room for what comes: it is refused only when nothing is left that may go in its place. All of it must run inside the
 * transaction that stores what comes.
 */
export class LogRoom {
  readonly #parts: LogRoomParts;
  readonly #space = new LogSpace();

  constructor(parts: LogRoomParts) {
    this.#parts = parts;
  }

  /** Why readings and letters do not fit: they do as long as others were consumed. */
  dataFailure(prepared: readonly PreparedSegment[]): CommitFailure | undefined {
    const data = prepared.filter(({ topic }) => topic?.cleanup !== 'compact');
    if (data.length === 0) return undefined;
    const bytes = data.reduce((sum, segment) => sum + segment.bytes, 0);
    return failureAfter(
      () => this.#parts.removal.removeConsumed(),
      () => this.spaceFailure('data', bytes),
    );
  }

  /** Why a state does not fit: it does as long as anything is settled, for states are how room is made. */
  controlFailure({ bytes }: PreparedSegment): CommitFailure | undefined {
    return failureAfter(
      () => this.#parts.removal.removeSettled('everywhere'),
      () => this.spaceFailure('control', bytes),
    );
  }

  /** Why it does not fit into the share of its topic: it does as long as others of that are settled. */
  shareFailure(it: PreparedSegment): CommitFailure | undefined {
    const { removal, store } = this.#parts;
    return failureAfter(
      () => removal.removeSettled('where-crowded'),
      () => store.shareFailure(it, removal.maxBytes()),
    );
  }

  /** Why so much does not fit as things are; nothing is cleared away for it. */
  spaceFailure(kind: 'data' | 'control', incomingBytes: number): CommitFailure | undefined {
    const { file, removal, wal } = this.#parts;
    const excessBytes = wal.excessBytes();
    const usedBytes = removal.usedBytes() + excessBytes;
    const limit = this.#space.exceeded(kind, { usedBytes, incomingBytes, maxBytes: removal.maxBytes() });
    if (limit === undefined) return undefined;
    const why =
      excessBytes > 0
        ? `; ${excessBytes} of them are its write-ahead log, which has grown because another program keeps reading the file`
        : ', and none may be removed';
    return {
      cause: 'size-limit',
      detail:
        `${file} holds ${usedBytes} of at most ${limit} bytes (EMBEDDED_MAX_BYTES less what is kept free), ` +
        `${incomingBytes} more do not fit${why}`,
    };
  }
}

/** @param clear removes a little; whether there was anything @param look what is in the way */
function failureAfter(
  clear: () => boolean,
  look: () => CommitFailure | undefined,
): CommitFailure | undefined {
  let failure = look();
  for (let step = 0; failure !== undefined && step < CLEARING_STEPS; step++) {
    if (!clear()) break;
    failure = look();
  }
  return failure;
}
