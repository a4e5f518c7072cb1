/**
 * For glibc: threads share one heap instead of each keeping what it has freed, and freed memory goes back sooner.
 * Elsewhere nobody reads them.
 */
export const MEMORY_ENV = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };

/**
 * What is started and stays; everything else ends soon by itself. Each with the percent by which its heap may grow beyond what
 * lived through the last collection, before the next one: V8 would wait for 300. Less is less memory under load and more
 * CPU, measured for each (docs/decisions/0015-a-build-and-a-way-to-start.md).
 *
 * @type {Readonly<Record<string, number>>}
 */
const HEAP_GROWING_PERCENT = {
  'standalone/main.ts': 80,
  'ingest-gateway/main.ts': 200,
  'ingest-gateway/source/main.ts': 200,
  'processors/telemetry-writer/main.ts': 100,
  'processors/lag-monitor/main.ts': 100,
  'console/server/main.ts': 100,
};

/**
 * @param {string} entry
 * @param {readonly string[]} given what the operator has set already, which stays
 * @returns {string[] | undefined} `undefined`: none are needed
 */
export function flagsOf(entry, given) {
  const growingPercent = HEAP_GROWING_PERCENT[entry];
  if (growingPercent === undefined) return undefined;
  const flags = [
    // So that a thread can give memory back (`heap-rest.ts`, `buffer-release.ts`).
    '--expose-gc',
    // Three of them are a thread's new objects. On a machine with free memory V8 lets one grow to 64 MiB.
    '--max-semi-space-size=16',
    `--heap-growing-percent=${growingPercent}`,
  ];
  const nameOf = (flag) => flag.split('=')[0];
  return flags.filter((flag) => !given.some((text) => text.includes(nameOf(flag))));
}
