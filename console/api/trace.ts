/** `GET /trace?device=&seq=` or `&at=` (milliseconds, or ISO 8601 as the command takes it). The log is looked through: it may take a while. */
export interface TraceAnswer {
  readonly device: string;
  readonly seq: number | null;
  readonly at: number | null;
  readonly verdict: 'stored' | 'dead-lettered' | 'waiting' | 'merged' | 'unknown' | 'missing' | 'not-found';
  readonly where: string;
  /** Why it is stuck there; `null` = it is not. */
  readonly why: string | null;
  readonly stations: readonly {
    readonly name: 'device' | 'gateway' | 'event-log' | 'telemetry-writer' | 'dead-letter' | 'store';
    readonly at: number | null;
    readonly state: 'passed' | 'here' | 'stuck' | 'refused' | 'ahead' | 'unknown';
    readonly detail: string | null;
    /** Of a dead letter. */
    readonly letter: string | null;
  }[];
}
