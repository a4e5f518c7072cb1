import { expect, test } from 'vitest';
import { describeSqliteFailure, isFull } from './sqlite-failure.ts';

test.each([
  ['SQLITE_FULL', 13, 'full'],
  ['SQLITE_IOERR_SHMSIZE', 4874, 'full'],
  ['SQLITE_BUSY', 5, 'busy'],
  ['SQLITE_BUSY_SNAPSHOT', 517, 'busy'],
  ['SQLITE_IOERR_FSYNC', 1034, 'other'],
  ['SQLITE_IOERR_READ', 266, 'damaged'],
  ['SQLITE_NOMEM', 7, 'other'],
  ['SQLITE_READONLY', 8, 'unusable'],
  ['SQLITE_CANTOPEN', 14, 'unusable'],
  ['SQLITE_CORRUPT', 11, 'damaged'],
  ['SQLITE_CORRUPT_INDEX', 779, 'damaged'],
  ['SQLITE_NOTADB', 26, 'damaged'],
  ['not of SQLite', 0, 'other'],
])('%s', (_, errcode, kind) => {
  const error = Object.assign(new Error('x'), { errcode });
  expect(describeSqliteFailure(error)).toEqual({ kind, detail: 'x' });
});

test('a full disk is known by the words of the file system as well, and in a cause', () => {
  const full = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  expect([isFull(full), isFull(new Error('x', { cause: full })), isFull(new Error('x'))]).toEqual([
    true,
    true,
    false,
  ]);
});

test('an error that is not of SQLite has its message', () => {
  expect(describeSqliteFailure(new TypeError('oops'))).toEqual({ kind: 'other', detail: 'oops' });
});
