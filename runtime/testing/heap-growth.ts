import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** MiB of the heap that `make` leaves behind, for as long as what it returns is held. */
export function heapGrowthMiB(make: () => unknown): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  const before = process.memoryUsage().heapUsed;
  const kept = make();
  collect();
  const growth = process.memoryUsage().heapUsed - before;
  // Until here, whatever the compiler thinks of it.
  if (kept === undefined) throw new Error('nothing was made');
  return growth / 1024 ** 2;
}
