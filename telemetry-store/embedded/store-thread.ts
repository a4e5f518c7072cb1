import { workerData } from 'node:worker_threads';
import { describeError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import { DisplacementWatch } from '#sqlite/displacement-watch.ts';
import { MendedFile } from '#sqlite/mended-file.ts';
import { rescuedCopies, takeRescued } from '#sqlite/rescued-file.ts';
import { serveDatabase } from '#sqlite/serve-database.ts';
import { damageOf, finishReplacing, replaceDamaged } from '#sqlite/set-aside.ts';
import { unusableFile } from '#sqlite/unusable-file.ts';
import { rebuildStore } from './rebuild-store.ts';
import { holdStore, storeFileIn } from './store-file.ts';
import type { StoreCalls, StoreEvent } from './store-thread-calls.ts';
import { type DatabaseOptions, TelemetryDatabase } from './telemetry-database.ts';

// Entry of the thread that owns the file of the store.

const options = workerData as DatabaseOptions;

serveDatabase<StoreCalls, StoreEvent>((emit) => {
  const file = storeFileIn(options.dataDir);
  const ownership = options.role === 'owner' ? becomeOwner(options.dataDir) : undefined;
  if (options.role === 'guest') makeFolder(options.dataDir);
  const store = new MendedFile({
    file,
    followsPath: ownership === undefined,
    open: () => new TelemetryDatabase(options),
    ...(ownership !== undefined && {
      mend: (damage) => {
        try {
          const { keptAs, built } = replaceDamaged(file, (to) => rebuildStore(file, to));
          emit({ kind: 'mended', damage, keptAs, ...built });
        } catch (error) {
          emit({ kind: 'not-mended', detail: describeError(error) });
          throw error;
        }
      },
    }),
  });
  try {
    if (ownership !== undefined) {
      const rescued = takeRescued(file);
      if (rescued !== undefined) emit({ kind: 'rescued-taken', from: rescued });
      const copies = rescuedCopies(file);
      if (copies.length > 0) emit({ kind: 'rescued-left', copies });
      finishReplacing(file);
      const damage = damageOf(file, () => undefined);
      if (damage !== undefined) store.mend(damage);
    }
    store.use(() => undefined);
  } catch (error) {
    ownership?.[Symbol.dispose]();
    throw error;
  }
  const watch = ownership === undefined ? undefined : new DisplacementWatch(file, store, emit);
  return {
    calls: {
      // A point that was written where nobody will find it is written again.
      write: (request) => store.write((database) => database.write(request)),
      latest: (request) => store.use((database) => database.latest(request)),
      scan: (request) => store.use((database) => database.scan(request)),
      fields: () => store.use((database) => database.fields()),
      expire: (request) => store.use((database) => database.expire(request)),
      seenTime: (request) => store.use((database) => database.seenTime(request)),
      keepTime: (state) => store.use((database) => database.keepTime(state)),
      ping: () => store.use((database) => database.ping()),
    },
    [Symbol.dispose]: () => {
      watch?.[Symbol.dispose]();
      store[Symbol.dispose]();
      ownership?.[Symbol.dispose]();
    },
  };
});

/** @throws PipelineError `configuration`, naming DATA_DIR, when the folder cannot be used or another owner has it */
function becomeOwner(dataDir: string): Disposable {
  const file = storeFileIn(dataDir);
  try {
    makeFolder(dataDir);
    const ownership = holdStore(dataDir);
    if (ownership === undefined) throw new Error('another running pipeline owns it');
    return ownership;
  } catch (error) {
    throw unusableFile(file, error, 'store-unavailable');
  }
}
