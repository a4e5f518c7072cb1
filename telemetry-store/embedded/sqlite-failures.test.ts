import { expect, test } from 'vitest';
import { outcomeOfSqliteFailure, sqliteFailureOf } from './sqlite-failures.ts';

test.each([
  ['SQLITE_FULL', 13, { kind: 'retry', cause: 'storage-full', detail: 'x' }],
  ['SQLITE_IOERR_SHMSIZE', 4874, { kind: 'retry', cause: 'storage-full', detail: 'x' }],
  ['SQLITE_BUSY', 5, { kind: 'retry', cause: 'overloaded', detail: 'x' }],
  ['SQLITE_BUSY_SNAPSHOT', 517, { kind: 'retry', cause: 'overloaded', detail: 'x' }],
  ['SQLITE_IOERR_FSYNC', 1034, { kind: 'retry', cause: 'server-error', detail: 'x' }],
  ['SQLITE_NOMEM', 7, { kind: 'retry', cause: 'server-error', detail: 'x' }],
  ['not of SQLite', 0, { kind: 'retry', cause: 'server-error', detail: 'x' }],
  ['SQLITE_READONLY', 8, { kind: 'misconfigured', detail: 'DATA_DIR: x' }],
  ['SQLITE_CORRUPT', 11, { kind: 'misconfigured', detail: 'DATA_DIR: x' }],
  ['SQLITE_CANTOPEN', 14, { kind: 'misconfigured', detail: 'DATA_DIR: x' }],
  ['SQLITE_NOTADB', 26, { kind: 'misconfigured', detail: 'DATA_DIR: x' }],
])('%s', (_, code, outcome) => {
  expect(outcomeOfSqliteFailure({ code, message: 'x' })).toEqual(outcome);
});

test('takes the code from what node:sqlite throws', () => {
  expect(sqliteFailureOf(Object.assign(new Error('full'), { errcode: 13 }))).toEqual({
    code: 13,
    message: 'full',
  });
  expect(sqliteFailureOf(new TypeError('oops'))).toEqual({ code: 0, message: 'oops' });
});
