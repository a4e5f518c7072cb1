/**
 * For glibc: threads share one heap instead of each keeping what it has freed, and freed memory goes back sooner.
 * Elsewhere nobody reads them.
 */
export const MEMORY_ENV = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/** What is started and stays; everything else ends soon by itself. */
const SERVICES = new Set([
  'standalone/main.ts',
  'ingest-gateway/main.ts',
  'ingest-gateway/source/main.ts',
  'processors/telemetry-writer/main.ts',
  'processors/lag-monitor/main.ts',
  'console/server/main.ts',
]);

/**
 * `--expose-gc`: so that a thread at rest can give memory back (`heap-rest.ts`). The semi-space: three of them are a thread's new
 * objects. On a machine with free memory V8 lets one grow to 64 MiB, which under load is most of what a process holds.
 */
const FLAGS = ['--expose-gc', '--max-semi-space-size=16'];

/**
 * @param {string} entry
 * @param {readonly string[]} given what the operator has set already, which stays
 * @returns {string[] | undefined} `undefined`: none are needed
 */
export function flagsOf(entry, given) {
  if (!SERVICES.has(entry)) return undefined;
  const nameOf = (flag) => flag.split('=')[0];
  return FLAGS.filter((flag) => !given.some((text) => text.includes(nameOf(flag))));
}
