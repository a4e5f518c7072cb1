import { workerData } from 'node:worker_threads';
import { describeError } from '#runtime/errors.ts';
import { DisplacementWatch } from '#sqlite/displacement-watch.ts';
import { MendedFile } from '#sqlite/mended-file.ts';
import { type ServedDatabase, serveDatabase } from '#sqlite/serve-database.ts';
import { openLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import type {
  CommitResult,
  FetchResult,
  LogThreadEvent,
  LogThreadOptions,
  ReaderCalls,
  WriterCalls,
} from './log-thread-calls.ts';
import { LogWriter } from './log-writer.ts';
import { mendLog } from './mend-log.ts';
import { commitWhereItStands } from './standing-commit.ts';

// Entry of both threads of the log: the one that writes, and the one that reads and looks for changes.

const options = workerData as LogThreadOptions;
if (options.role === 'writer') serveDatabase<WriterCalls, LogThreadEvent>(serveWriter);
else serveDatabase<ReaderCalls, LogThreadEvent>(serveReader);

function serveWriter(emit: (event: LogThreadEvent) => void): ServedDatabase<WriterCalls> {
  const { file, ownersMaxBytes } = options;
  const ends = new Map<string, number>();
  const log = new MendedFile({
    file,
    followsPath: ownersMaxBytes === undefined,
    open: () => new LogWriter(openLogFile(file, 'write'), { file, ends }),
    ...(ownersMaxBytes !== undefined && {
      mend: (damage) => {
        try {
          emit({ kind: 'mended', mended: mendLog(file, damage, ownersMaxBytes) });
        } catch (error) {
          emit({ kind: 'not-mended', detail: describeError(error) });
          throw error;
        }
      },
    }),
  });
  log.use(() => undefined);
  const watch = ownersMaxBytes === undefined ? undefined : new DisplacementWatch(file, log, emit);
  return {
    calls: {
      commit: (request) => commitWhereItStands(log, request),
      ensureTopics: (topics) => log.use((writer) => writer.ensureTopics(topics)),
      joinGroup: (request) => log.use((writer) => writer.joinGroup(request)),
      removeOld: (request) => log.use((writer) => writer.removeOld(request)),
      keepTime: (state) => log.use((writer) => writer.keepTime(state)),
      mend: (damage) => void log.mend(damage),
    },
    transferOf: (result) =>
      ((result as Partial<CommitResult> | undefined)?.segments ?? []).flatMap((segment) =>
        segment.kind === 'refused' ? [segment.payload.buffer] : [],
      ),
    [Symbol.dispose]: () => {
      watch?.[Symbol.dispose]();
      log[Symbol.dispose]();
    },
  };
}

function serveReader(emit: (event: LogThreadEvent) => void): ServedDatabase<ReaderCalls> {
  const { file, ownersMaxBytes, changePollMs } = options;
  const open = (): LogReader => new LogReader(openLogFile(file, 'read'));
  const log = new MendedFile({ file, followsPath: ownersMaxBytes === undefined, open });
  log.use(() => undefined);
  setInterval(() => {
    if (hasChanged(log)) emit({ kind: 'changed' });
  }, changePollMs).unref();
  return {
    calls: {
      fetch: (request) => log.use((reader) => reader.fetch(request)),
      progress: (request) => log.use((reader) => reader.progress(request)),
      offsetAt: (request) => log.use((reader) => reader.offsetAt(request)),
      measure: (request) => log.use((reader) => reader.measure(request)),
      reopen: () => log.close(),
    },
    transferOf: (result) => {
      const { payload } = result as Partial<FetchResult>;
      return payload === undefined ? [] : [payload.buffer];
    },
    [Symbol.dispose]: () => log[Symbol.dispose](),
  };
}

/** A file that cannot be read now is no reason to end: whoever asks for something of it is told. */
function hasChanged(log: MendedFile<LogReader>): boolean {
  try {
    return log.use((reader) => reader.hasChanged());
  } catch {
    return false;
  }
}
