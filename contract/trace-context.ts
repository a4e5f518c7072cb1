/** The trace that a message belongs to, as it travels in record headers (W3C Trace Context). */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Version 00, and later ones that may carry more behind it. Ids of zeros alone are not valid. */
const TRACEPARENT =
  /^(?:00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}|(?!00|ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-[\x20-\x7e]{0,200})?)$/;
/** Printable ASCII, and not more than the standard wants to be carried. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/;

/** @returns `undefined` for what is no trace context: it is not carried on, and the message is none the worse for it */
export function traceContextOf(
  traceparent: string | undefined,
  tracestate: string | undefined,
): TraceContext | undefined {
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return undefined;
  return tracestate !== undefined && TRACESTATE.test(tracestate)
    ? { traceparent, tracestate }
    : { traceparent };
}
