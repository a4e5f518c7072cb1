import type { LetterStatus } from '#contract/letter-status.ts';
import type { Page } from './session.ts';

/** As query of the lists, and as `filter` of the changes; several of one are separated by commas (in a word: `\,`). Without `state`: those that wait. */
export interface LetterFilter {
  readonly reason?: string;
  readonly device?: string;
  readonly schema?: string;
  readonly stage?: string;
  readonly source?: string;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly until?: number;
  readonly state?: LetterStatus | 'all';
  /** What became of it was written since then. */
  readonly changedSince?: number;
}

/** `GET /dead-letters?…filter&cursor=&limit=`, the newest first, duplicates folded. */
export interface LettersPage extends Page {
  /** On all pages, each copy by itself: what a change of this filter is about. */
  readonly matching: number;
  readonly letters: readonly LetterRow[];
  readonly looked: LettersLookedAt;
}

/** Lists look at the newest letters; changes go through all of them. */
export interface LettersLookedAt {
  readonly letters: number;
  /** When the oldest of them was written; `null` = there is none. */
  readonly since: number | null;
  /** There are older ones, which lists do not show. */
  readonly older: boolean;
}

export interface LetterRow {
  readonly id: string;
  readonly at: number;
  readonly device: string;
  readonly reason: string;
  readonly originalReason: string | null;
  readonly detail: string;
  readonly schema: string | null;
  readonly source: string | null;
  readonly stage: string;
  readonly attempts: number;
  readonly status: LetterStatus;
  readonly bytes: number;
  /** How many letters say the same, this one included. */
  readonly copies: number;
}

/** `GET /dead-letters/groups?…filter` */
export interface LetterGroups {
  readonly groups: readonly {
    readonly reason: string;
    readonly detail: string;
    readonly count: number;
    readonly devices: number;
    /** One of them, with the most letters. */
    readonly device: string;
    readonly newestId: string;
    readonly first: number;
    readonly last: number;
  }[];
  readonly looked: LettersLookedAt;
}

/** `GET /dead-letters/over-time?…filter&minutes=`: columns; `times` in seconds. */
export interface LettersOverTime {
  readonly times: readonly number[];
  readonly reasons: readonly { readonly reason: string; readonly counts: readonly number[] }[];
  readonly looked: LettersLookedAt;
}

/** `GET /dead-letters/:id` */
export interface LetterStory extends LetterRow {
  readonly receivedAt: number | null;
  readonly firstFailedAt: number | null;
  readonly topic: string | null;
  readonly rule: string | null;
  readonly element: string | null;
  /** Of the reading in it, when it can be told. */
  readonly seq: number | null;
  readonly ts: number | null;
  /** Position in a batch message. */
  readonly index: number | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Payload;
  readonly faults: readonly Fault[];
  readonly replayToday: { readonly passes: boolean; readonly sentence: string };
  readonly duplicates: readonly string[];
  /** What became of it, the newest last; `became`: a record's place in the log, or the letter in its place. */
  readonly history: readonly {
    readonly at: number;
    readonly event: string;
    readonly reason: string | null;
    readonly became: string | null;
  }[];
}

export interface Payload {
  /** `null` = no text; then `base64` holds it. */
  readonly text: string | null;
  readonly base64: string | null;
  readonly bytes: number;
  readonly truncated: boolean;
}

/** A place in a payload's text: UTF-16 units from 0; line and column from 1. `offset` null = no single place. */
export interface Fault {
  readonly path: string;
  readonly message: string;
  readonly offset: number | null;
  readonly length: number;
  readonly line: number | null;
  readonly column: number | null;
}

/** `POST /dead-letters/replay`, `/dismiss`, `/undo`, → 202 {@link JobStarted}. Without `ids` the filter must say something. */
export interface LetterChange {
  readonly ids?: readonly string[];
  readonly filter?: LetterFilter;
  /** Also those that the list folds into the letters of `ids`, when it is asked with `filter`. */
  readonly copies?: boolean;
  readonly dryRun: boolean;
  /** Of a replay: by which time readings are too old or ahead; default `received`. */
  readonly judgeAt?: 'received' | 'now' | number;
  /** Of a replay: also parked letters, by what they were refused for before. */
  readonly parked?: boolean;
}

/** `POST /dead-letters/submit`: what a person made of a letter; → 202 {@link JobStarted} */
export interface LetterSubmission {
  readonly id: string;
  readonly payload: string;
  readonly dryRun: boolean;
  readonly judgeAt?: LetterChange['judgeAt'];
}

export interface JobStarted {
  readonly job: string;
}

/** `GET /jobs/:id`, and each event `progress` of `GET /jobs/:id/events`, one a second; the last one is an event `result`. `DELETE /jobs/:id` interrupts it. */
export interface Job extends JobLine {
  /** What letters failed for, and one of them each. */
  readonly why: readonly {
    readonly reason: string;
    readonly letters: number;
    readonly example: string;
    readonly detail: string;
  }[];
  /** Of a corrected payload. */
  readonly faults: readonly Fault[];
}

/** `GET /jobs?limit=`: what was changed lately and what is being changed, the newest first. Dry runs are not among it. */
export interface JobList {
  readonly jobs: readonly JobLine[];
}

export interface JobLine {
  readonly id: string;
  readonly kind: 'replay' | 'dismiss' | 'undo' | 'submit';
  readonly dryRun: boolean;
  readonly state: 'running' | 'done' | 'failed' | 'interrupted';
  /** The address that began it. */
  readonly from: string;
  readonly startedAt: number;
  /** When something came of it last; long ago in one that runs: what it reads or writes does not answer. */
  readonly movedAt: number;
  /** Letters. */
  readonly done: number;
  /** `null` = nobody knows how many there will be. */
  readonly total: number | null;
  /** `passed`, `failedAgain`, `parked`, `unreplayable`, `leftParked`; `dismissed`; `undone`; `recovered`, `refused`. */
  readonly counts: Readonly<Record<string, number>>;
  readonly sentence: string;
  readonly error: string | null;
}
