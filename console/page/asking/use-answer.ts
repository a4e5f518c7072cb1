import { useEffect, useRef, useState } from 'preact/hooks';
import { now } from '#console/page/text/server-clock.ts';
import { asFailure, get, type RequestFailure } from './ask-server.ts';

/** An answer of the server, as a component shows it: an old one stays while a newer one is waited for. */
export interface Answer<T> {
  readonly value: T | undefined;
  readonly failure: RequestFailure | undefined;
  readonly loading: boolean;
  /** When the value came. */
  readonly at: number | undefined;
  readonly again: () => void;
}

/**
 * @param path `undefined` = nothing to ask.
 * @param everyMs asked again so long after each answer, while the page is visible.
 */
export function useAnswer<T>(path: string | undefined, everyMs?: number): Answer<T> {
  const [state, setState] = useState<Omit<Answer<T>, 'again'> & { readonly path: string | undefined }>({
    path,
    value: undefined,
    failure: undefined,
    loading: path !== undefined,
    at: undefined,
  });
  const [turn, setTurn] = useState(0);
  const latest = useRef(state);
  latest.current = state;

  useEffect(() => {
    if (path === undefined) return undefined;
    const cancel = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const later = (): void => {
      if (everyMs !== undefined && !cancel.signal.aborted) timer = setTimeout(ask, everyMs);
    };
    const ask = (): void => {
      if (document.hidden && latest.current.value !== undefined && latest.current.path === path) {
        later();
        return;
      }
      get<T>(path, cancel.signal)
        .then(
          (value) => setState({ path, value, failure: undefined, loading: false, at: now() }),
          (error: unknown) => {
            if (cancel.signal.aborted) return;
            const failure = asFailure(error);
            setState((before) => ({ ...before, path, failure, loading: false }));
          },
        )
        .finally(later);
    };
    setState((before) => ({ ...before, path, failure: undefined, loading: true }));
    ask();
    return () => {
      cancel.abort();
      clearTimeout(timer);
    };
  }, [path, everyMs, turn]);

  const current = state.path === path ? state : { ...state, loading: path !== undefined };
  return { ...current, again: () => setTurn((before) => before + 1) };
}
