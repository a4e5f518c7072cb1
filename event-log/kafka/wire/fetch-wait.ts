/** How long a broker may keep a Fetch request, and with how many bytes it has to answer before. */
interface FetchWait {
  readonly minBytes: number;
  readonly maxWaitTime: number;
}

/** Nothing came: whatever comes next is answered at once. */
const IDLE: FetchWait = { minBytes: 1, maxWaitTime: 500 };
/** Something came, so more will. */
const GATHERING: FetchWait = { minBytes: 256 * 1024, maxWaitTime: 200 };

/**
 * What the next Fetch request of a consumer says of waiting, by what the last one brought. Pure.
 *
 * With `minBytes` 1 the request returns for each record, and fetching, writing to the store and committing cost the more
 * for each the fewer there are: at a fortieth of what a broker can do it was busy with that alone. So once records come,
 * the broker gathers them, for a time that nobody notices behind a store. It does not wait at all when there are many, nor for
 * the first record after a time without any.
 *
 * @param lastBytes of the last answer; `undefined` = there was none yet
 */
export function fetchWait(lastBytes: number | undefined): FetchWait {
  return lastBytes === undefined || lastBytes === 0 ? IDLE : GATHERING;
}
