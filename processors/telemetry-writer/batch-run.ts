/** The handling of one batch may end before it is done: two signals say how urgently. */
export interface BatchRun {
  readonly partition: number;
  /** The partition was lost or the subscription closes: whatever is under way is worthless, stop now. */
  readonly lost: AbortSignal;
  /** Also fires when the writer stops: finish the call that is under way, but wait for nothing. */
  readonly hurry: AbortSignal;
}

/** Thrown through a batch that is not finished; its records come again. Not a failure. */
export class BatchAbandoned extends Error {
  override readonly name = 'BatchAbandoned';
}
