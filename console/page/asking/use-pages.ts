import { useEffect, useRef, useState } from 'preact/hooks';
import type { Page } from '#console/api/session.ts';
import { now } from '#console/page/text/server-clock.ts';
import { get, RequestFailure } from './ask-server.ts';

export interface Pages<T> {
  readonly pages: readonly T[];
  /** The pages are those of another question: the new ones are on their way, or cannot be had. */
  readonly outdated: boolean;
  readonly failure: RequestFailure | undefined;
  readonly loading: boolean;
  /** When the first page came. */
  readonly at: number | undefined;
  /** Asks for the next page, unless that is under way, there is none, or the last question failed. */
  readonly more: () => void;
  /** What failed once more. */
  readonly retry: () => void;
  /** From the beginning. */
  readonly again: () => void;
}

interface State<T> {
  /** Of the pages. */
  readonly path: string | undefined;
  readonly pages: readonly T[];
  readonly failure: RequestFailure | undefined;
  readonly loading: boolean;
  readonly at: number | undefined;
}

/** A list that the server hands out page by page. Another path begins anew; the old pages stay until the first new one is there. */
export function usePages<T extends Page>(path: string): Pages<T> {
  const [state, setState] = useState<State<T>>({
    path: undefined,
    pages: [],
    failure: undefined,
    loading: true,
    at: undefined,
  });
  const [turn, setTurn] = useState(0);
  const asking = useRef<AbortController | undefined>(undefined);

  const ask = (cursor: string | undefined, before: readonly T[]): void => {
    const cancel = new AbortController();
    asking.current?.abort();
    asking.current = cancel;
    setState((was) => ({ ...was, loading: true }));
    const at = `${path}${path.includes('?') ? '&' : '?'}`;
    get<T>(cursor === undefined ? path : `${at}cursor=${encodeURIComponent(cursor)}`, cancel.signal).then(
      (page) =>
        setState((was) => ({
          path,
          pages: [...before, page],
          failure: undefined,
          loading: false,
          at: before.length === 0 ? now() : was.at,
        })),
      (error: unknown) => {
        if (cancel.signal.aborted) return;
        const failure =
          error instanceof RequestFailure ? error : new RequestFailure(0, 'failed', String(error));
        setState((was) => ({ ...was, failure, loading: false }));
      },
    );
  };
  useEffect(() => {
    ask(undefined, []);
    return () => asking.current?.abort();
  }, [path, turn]);

  const { path: of, ...rest } = state;
  const outdated = of !== path;
  const again = (): void => setTurn((before) => before + 1);
  const askNext = (): void => {
    const next = state.pages.at(-1)?.next;
    if (!state.loading && !outdated && typeof next === 'string') ask(next, state.pages);
  };
  return {
    ...rest,
    outdated,
    // Who scrolls asks again and again: a server that fails is not to be asked as fast as it can fail.
    more: () => (state.failure === undefined ? askNext() : undefined),
    retry: () => (outdated || state.pages.length === 0 ? again() : askNext()),
    again,
  };
}
