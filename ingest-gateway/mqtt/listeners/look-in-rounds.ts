/**
 * Milliseconds between two looks: more than one answer over a slow network takes. A timer fires at most once in a turn of the
 * event loop, and in each turn all is read that has come.
 */
const ROUND_MS = 500;

/**
 * @param look @returns whether there is something to look at again
 * @returns to be called when there may be; looks go on from then, for as long as there is
 */
export function lookInRounds(look: () => boolean): () => void {
  let isGoingOn = false;
  const begin = (): void => {
    if (isGoingOn) return;
    isGoingOn = true;
    setTimeout(() => {
      isGoingOn = false;
      if (look()) begin();
    }, ROUND_MS).unref();
  };
  return begin;
}
