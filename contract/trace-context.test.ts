import { describe, expect, it } from 'vitest';
import { traceContextOf } from '#contract/trace-context.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('trace context', () => {
  it('is carried as it came', () => {
    expect(traceContextOf(TRACEPARENT, undefined)).toEqual({ traceparent: TRACEPARENT });
    expect(traceContextOf(TRACEPARENT, 'congo=t61rcWkgMzE')).toEqual({
      traceparent: TRACEPARENT,
      tracestate: 'congo=t61rcWkgMzE',
    });
    const later = `cc${TRACEPARENT.slice(2)}-what-the-future-brings`;
    expect(traceContextOf(later, undefined)).toEqual({ traceparent: later });
  });

  it('is left out when it is none', () => {
    const broken = [
      undefined,
      '',
      'x',
      TRACEPARENT.toUpperCase(),
      `${TRACEPARENT}-more`,
      `ff${TRACEPARENT.slice(2)}`,
      `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`,
      TRACEPARENT.slice(0, -1),
    ];
    for (const traceparent of broken) expect(traceContextOf(traceparent, 'a=b')).toBeUndefined();
    for (const tracestate of ['', 'a=ä', 'x'.repeat(513)]) {
      expect(traceContextOf(TRACEPARENT, tracestate)).toEqual({ traceparent: TRACEPARENT });
    }
  });
});
