/**
 * What a source may look at while one message is mapped: the decoded payload, and the element of each level of `each`
 * below it. One object a message; the levels are overwritten as the elements go by.
 */
export interface Scope {
  /** `[0]` is the payload; `[n]` the current element of the n-th level. */
  readonly elements: unknown[];
  /** Elements looked at so far, over all levels and readings: the work that the message makes. */
  visited: number;
  /** Key or index of the element of the same level in what it was found in. */
  readonly keys: (string | number)[];
  /** How many elements of the same level count, where a source asks for it. */
  readonly counts: number[];
  /** Texts of the topic's captures. */
  readonly captures: readonly string[];
  readonly client: string;
  readonly topic: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** A value that is there and cannot be used; `message` says why, without quoting it. */
export class Unfit {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** A compiled source. */
export interface Source {
  /** What is there; `undefined` when nothing is, `Unfit` when it cannot be used as the mapping wants it. */
  readonly read: (scope: Scope) => unknown;
  /** For the failure path: the place in the payload as a JSON Pointer; `undefined` when it is not from there. */
  readonly place: (scope: Scope) => string | undefined;
}
