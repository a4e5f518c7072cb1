import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import { describeError, hasCode } from '#runtime/errors.ts';
import type { AnswerMessage, DatabaseRequests, RequestMessage, RequestName } from './database-requests.ts';
import { sqliteFailureOf } from './sqlite-failures.ts';
import { type DatabaseOptions, TelemetryDatabase } from './telemetry-database.ts';

// Entry of the thread that owns the database: one request after the other, each answered.

function serve(port: MessagePort, database: TelemetryDatabase): void {
  port.on('message', (message: RequestMessage) => {
    let answer: AnswerMessage;
    try {
      answer = { id: message.id, result: handle(database, message) };
    } catch (error) {
      answer = { id: message.id, failure: sqliteFailureOf(error) };
    }
    port.postMessage(answer);
    if (message.name === 'close') port.close();
  });
}

function handle(
  database: TelemetryDatabase,
  { name, parameters }: RequestMessage,
): DatabaseRequests[RequestName]['result'] {
  switch (name) {
    case 'write':
      return database.write(parameters.batch, parameters.oldestMs);
    case 'latest':
      return database.latest(parameters.deviceId, parameters.limit);
    case 'scan':
      return database.scan(parameters);
    case 'expire':
      return database.expire(parameters);
    case 'ping':
      database.ping();
      return true;
    case 'close':
      database[Symbol.dispose]();
      return true;
  }
}

function open(port: MessagePort, options: DatabaseOptions): void {
  const post = (message: AnswerMessage): void => port.postMessage(message);
  try {
    const database = new TelemetryDatabase(options);
    post({ opened: true });
    serve(port, database);
  } catch (error) {
    const code = hasCode(error, 'store-unavailable') ? 'store-unavailable' : 'configuration';
    post({ opened: false, code, message: describeError(error) });
  }
}

if (parentPort !== null) open(parentPort, workerData as DatabaseOptions);
