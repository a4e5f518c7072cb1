import { workerData } from 'node:worker_threads';
import { serveDatabase } from '#sqlite/serve-database.ts';
import type { StoreCalls } from './store-thread-calls.ts';
import { type DatabaseOptions, TelemetryDatabase } from './telemetry-database.ts';

// Entry of the thread that owns the file of the store.

serveDatabase<StoreCalls>(() => {
  const database = new TelemetryDatabase(workerData as DatabaseOptions);
  return { calls: database, [Symbol.dispose]: () => database[Symbol.dispose]() };
});
