/** At most one line in this time for what a client, a server or a library can make happen at will. Milliseconds. */
const REPEATED_LINE_MS = 10_000;
/** Different events remembered for that. When there are more, they are not told apart in time: some lines come early. */
const REMEMBERED_EVENTS = 1_000;

/**
 * Keeps a log readable while something fails over and over: the function made here says of each event (a word, with
 * what tells it from its kind) whether it is worth a line now, which it is once in ten seconds. Counters count on.
 *
 * @param now milliseconds on a clock that does not jump
 */
export function createWorthALine(now: () => number = () => performance.now()): (event: string) => boolean {
  const lastLineAt = new Map<string, number>();
  return (event) => {
    const at = now();
    if (at - (lastLineAt.get(event) ?? -Infinity) < REPEATED_LINE_MS) return false;
    if (lastLineAt.size >= REMEMBERED_EVENTS) lastLineAt.clear();
    lastLineAt.set(event, at);
    return true;
  };
}
