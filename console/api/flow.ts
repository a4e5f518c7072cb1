/** `GET /flow`, and each event `flow` of `GET /flow/events`. */
export interface Flow {
  readonly at: number;
  /** `distributed`: the parts are other processes, those of `CONSOLE_TARGETS`. */
  readonly mode: 'standalone' | 'distributed';
  /** Where the numbers come from. What does not answer is missing in all of them. */
  readonly targets: readonly Target[];
  /** Since the last sample but one. `null` = there are none to compare yet. */
  readonly rates: {
    readonly received: number | null;
    readonly appended: number | null;
    readonly stored: number | null;
    /** Letters: all, those that gateways wrote, and those of the writers. */
    readonly deadLettered: number | null;
    readonly malformed: number | null;
    readonly refused: number | null;
  };
  /** `known`: devices that are waited for; `silent`: those that have sent nothing for longer than they should. */
  readonly devices: {
    readonly connected: number;
    readonly known: number;
    readonly silent: number;
    /** Not read from at the moment, because a bound or their rate is reached. */
    readonly paused: number;
  } | null;
  /** Of the last minute; `null` = nothing was acknowledged in it. Beyond the histogram's last bound it is that bound. */
  readonly puback: { readonly p50Ms: number | null; readonly p99Ms: number | null };
  /** `null` = not known (the lag monitor does not answer). */
  readonly lag: {
    readonly records: number;
    readonly seconds: number;
    /** At the pace of the last minute; `null` = it does not shrink, 0 = there is none. */
    readonly drainSeconds: number | null;
  } | null;
  /** `null` = no gateway answers. */
  readonly inFlight: {
    readonly messages: number;
    readonly maxMessages: number;
    readonly bytes: number;
    readonly maxBytes: number;
  } | null;
  readonly books: Books;
  /** `null` = nobody has counted them. */
  readonly deadLetters: { readonly pending: number } | null;
  readonly problems: readonly FlowProblem[];
}

/** The numbers that must add up in one process; sums over all of a kind. */
export interface Books {
  /** decoded = appended + deadLettered + unconfirmed */
  readonly gateway: {
    readonly decoded: number;
    readonly appended: number;
    readonly deadLettered: number;
    readonly unconfirmed: number;
    readonly closes: boolean;
  } | null;
  /** consumed = stored + deadLettered */
  readonly writer: {
    readonly consumed: number;
    readonly stored: number;
    readonly deadLettered: number;
    readonly closes: boolean;
  } | null;
  /** When they do not close: what that means. */
  readonly sentence: string | null;
}

/** The condition of an alert, on the numbers that are here. The worst first. */
export interface FlowProblem {
  /** As the alert is called. */
  readonly name: string;
  readonly severity: 'critical' | 'warning';
  readonly sentence: string;
  readonly since: number;
  /** Path of a copy in markdown, served by this process. */
  readonly runbook: string;
}

/** `GET /flow/history`: columns of equal length, oldest first; `times` in seconds, as uPlot takes them. */
export interface FlowHistory {
  readonly times: readonly number[];
  readonly received: Column;
  readonly appended: Column;
  readonly stored: Column;
  readonly deadLettered: Column;
  readonly connected: Column;
  readonly pubackP50Ms: Column;
  readonly pubackP99Ms: Column;
  readonly lagRecords: Column;
  readonly lagSeconds: Column;
}
export type Column = readonly (number | null)[];

export interface Target {
  /** Its address, or `this process`. */
  readonly name: string;
  readonly up: boolean;
  readonly detail: string | null;
}
