import { expect, test } from 'vitest';
import { PipelineError } from '#runtime/errors.ts';
import { THREAD_DIED } from '#sqlite/database-thread.ts';
import { outcomeOfFailedWrite } from './write-failure.ts';

test.each([
  ['full', { kind: 'retry', cause: 'storage-full', detail: 'x' }],
  ['busy', { kind: 'retry', cause: 'overloaded', detail: 'x' }],
  ['other', { kind: 'retry', cause: 'server-error', detail: 'x' }],
  [THREAD_DIED, { kind: 'retry', cause: 'server-error', detail: 'x' }],
  ['damaged', { kind: 'misconfigured', detail: 'DATA_DIR: x' }],
  ['unusable', { kind: 'misconfigured', detail: 'DATA_DIR: x' }],
])('a failure of the thread: %s', (reason, outcome) => {
  expect(outcomeOfFailedWrite(new PipelineError('store-unavailable', 'x', { reason }))).toEqual(outcome);
});

test.each([
  [new PipelineError('closed', 'x'), { kind: 'retry', cause: 'aborted', detail: 'x' }],
  [new PipelineError('configuration', 'x'), { kind: 'misconfigured', detail: 'x' }],
  [new TypeError('x'), { kind: 'retry', cause: 'server-error', detail: 'x' }],
])('%s', (error, outcome) => {
  expect(outcomeOfFailedWrite(error)).toEqual(outcome);
});
