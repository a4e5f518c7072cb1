import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { openLogFile } from './log-file.ts';
import { LogReader } from './log-reader.ts';
import type { CommitResult, FetchResult } from './log-thread-calls.ts';
import type { LogThreadMessage, LogThreadOptions, LogThreadRequest } from './log-thread-messages.ts';
import { LogWriter } from './log-writer.ts';
import { describeSqliteFailure } from './sqlite-failure.ts';

/*
 * The thread: SQLite's calls block until the disk has answered (a commit with `synchronous=FULL` 0.5 to 4 ms here, now
 * and then 30 ms), which the event loop of the MQTT listener must not wait for. It answers one message after the other
 * and decides nothing.
 */
const options = workerData as LogThreadOptions;
if (parentPort !== null) serve(parentPort);

function serve(port: MessagePort): void {
  const database = openLogFile(options.file, options.role === 'writer' ? 'write' : 'read');
  const send = (message: LogThreadMessage, transfer: ArrayBuffer[] = []) =>
    port.postMessage(message, transfer);
  let calls: object;
  if (options.role === 'writer') {
    calls = new LogWriter(database, options);
  } else {
    const reader = new LogReader(database);
    calls = reader;
    setInterval(() => {
      if (reader.hasChanged()) send({ kind: 'changed' });
    }, options.changePollMs).unref();
  }

  port.on('message', ({ id, name, request }: LogThreadRequest) => {
    if (name === 'close') {
      database.close();
      port.close();
      return;
    }
    try {
      const result: unknown = (calls as Record<string, (request: unknown) => unknown>)[name]?.(request);
      send({ kind: 'result', id, result }, buffersOf(result));
    } catch (error) {
      send({ kind: 'failure', id, failure: describeSqliteFailure(error) });
    }
  });
}

/** The memory in a result that changes hands instead of being copied. */
function buffersOf(result: unknown): ArrayBuffer[] {
  const { payload, segments } = (result ?? {}) as Partial<FetchResult> & Partial<CommitResult>;
  if (payload !== undefined) return [payload.buffer];
  return (segments ?? []).flatMap((segment) => (segment.kind === 'refused' ? [segment.payload.buffer] : []));
}
