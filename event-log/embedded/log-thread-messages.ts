import type { SqliteFailure } from './sqlite-failure.ts';

/** Handed to a thread when it starts. */
export interface LogThreadOptions {
  readonly role: 'writer' | 'reader';
  readonly file: string;
  readonly maxBytes: number;
  /** How often the reader looks whether another process changed the file. Milliseconds. */
  readonly changePollMs: number;
}

/** `close` has no answer: the thread ends. */
export interface LogThreadRequest {
  readonly id: number;
  readonly name: string;
  readonly request: unknown;
}

export type LogThreadMessage =
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: SqliteFailure }
  /** The file changed, by whomever. */
  | { readonly kind: 'changed' };
