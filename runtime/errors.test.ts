import { describe, expect, it } from 'vitest';
import { describeError, PipelineError } from '#runtime/errors.ts';

describe('describeError', () => {
  it('adds the causes, each once, and none that says nothing', () => {
    const cause = new Error('disk full');
    const wrap = (message: string, inner: unknown) =>
      new PipelineError('configuration', message, { cause: inner });
    expect(describeError(wrap('A: no', wrap('cannot write', cause)))).toBe('A: no: cannot write: disk full');
    expect(describeError(wrap('A: no: disk full', cause))).toBe('A: no: disk full');
    expect(describeError(wrap('A: no\nB: no', new AggregateError([cause])))).toBe('A: no\nB: no');
    expect(describeError('text')).toBe('text');
  });
});
