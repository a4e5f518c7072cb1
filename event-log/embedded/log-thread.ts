import { workerData } from 'node:worker_threads';
import { serveDatabase } from '#sqlite/serve-database.ts';
import { openLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import type {
  CommitResult,
  FetchResult,
  LogChanged,
  LogThreadOptions,
  ReaderCalls,
  WriterCalls,
} from './log-thread-calls.ts';
import { LogWriter } from './log-writer.ts';

// Entry of both threads of the log: the one that writes, and the one that reads and looks for changes.

const options = workerData as LogThreadOptions;
if (options.role === 'writer') {
  serveDatabase<WriterCalls>(() => {
    const database = openLogFile(options.file, 'write');
    return {
      calls: new LogWriter(database, options),
      transferOf: (result) =>
        ((result as Partial<CommitResult> | undefined)?.segments ?? []).flatMap((segment) =>
          segment.kind === 'refused' ? [segment.payload.buffer] : [],
        ),
      [Symbol.dispose]: () => database.close(),
    };
  });
} else {
  serveDatabase<ReaderCalls, LogChanged>((emit) => {
    const database = openLogFile(options.file, 'read');
    const reader = new LogReader(database);
    setInterval(() => {
      if (reader.hasChanged()) emit('changed');
    }, options.changePollMs).unref();
    return {
      calls: reader,
      transferOf: (result) => {
        const { payload } = result as Partial<FetchResult>;
        return payload === undefined ? [] : [payload.buffer];
      },
      [Symbol.dispose]: () => database.close(),
    };
  });
}
