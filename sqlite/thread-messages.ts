import type { ErrorCode } from '#runtime/errors.ts';
import type { SqliteFailure } from './sqlite-failure.ts';

/** Signatures of what a thread does, each with at most one argument: plain data in, plain data out. */
export type Calls<T> = { [Name in keyof T]: (request: never) => unknown };

/** `close` has no answer: the thread ends. */
export interface ThreadRequest {
  readonly id: number;
  readonly name: string;
  readonly request: unknown;
}

/** Answers come in the order of the requests; the first message says whether the file could be opened. */
export type ThreadMessage<Event> =
  | { readonly kind: 'opened' }
  | {
      readonly kind: 'refused';
      readonly code: ErrorCode;
      readonly message: string;
      readonly retryable: boolean;
    }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: SqliteFailure }
  /** Something that nobody asked for. */
  | { readonly kind: 'event'; readonly event: Event };
