/**
 * The closed list of what can go wrong between parts of the pipeline. A code says who must act:
 * `configuration` and `usage` the operator, the others are handled by the code that made the call.
 */
export type ErrorCode =
  /** A setting is wrong, a file is unreadable, a port is taken: the process exits 2. */
  | 'configuration'
  /** A command line is wrong: exits 2. */
  | 'usage'
  /** A record was not confirmed durable before its deadline. It may or may not be in the log. */
  | 'not-durable'
  /** The event log will never take this record (too large, against a policy). It is not in the log. */
  | 'refused'
  /** The event log cannot be reached or cannot be written (disk full, no leader). Worth another try. */
  | 'event-log-unavailable'
  /** The store cannot be reached or does not answer in time. Worth another try. */
  | 'store-unavailable'
  /** A gateway that an operator asks does not answer, or not as one. Worth another try. */
  | 'gateway-unavailable'
  /** A consumer stopped and cannot go on by itself: the process exits 1 and its supervisor restarts it. */
  | 'consumer-stopped'
  /** The part was used after `close()`. */
  | 'closed';

/** The one error class of the pipeline. `retryable` is decided where the error is born; `cause` is kept. */
export class PipelineError extends Error {
  override readonly name = 'PipelineError';
  readonly code: ErrorCode;
  /** True when the same call may succeed later without anyone changing anything. */
  readonly retryable: boolean;
  /** A short machine-readable word for metrics (`label` values are enumerated where they are used). */
  readonly reason: string;
  /** What was refused, for the caller who has given it away (code `refused`). */
  readonly bytes: Uint8Array | undefined;

  constructor(
    code: ErrorCode,
    message: string,
    options: {
      readonly retryable?: boolean;
      readonly reason?: string;
      readonly cause?: unknown;
      readonly bytes?: Uint8Array | undefined;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.reason = options.reason ?? code;
    this.bytes = options.bytes;
  }
}

/** Whether `error` is a {@link PipelineError} with this code. */
export function hasCode(error: unknown, code: ErrorCode): error is PipelineError {
  return error instanceof PipelineError && error.code === code;
}

/** The message of anything that was thrown, with the messages of its causes that it does not quote already. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : describeError(error.cause);
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
