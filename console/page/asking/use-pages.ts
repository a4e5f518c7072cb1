import { useEffect, useState } from 'preact/hooks';
import type { Page } from '#console/api/session.ts';
import { get } from './ask-server.ts';
import { type ListedPages, NO_PAGES, PageList } from './page-list.ts';

export interface Pages<T> extends Omit<ListedPages<T>, 'path'> {
  /** The pages are those of another question: the new ones are on their way, or cannot be had. */
  readonly outdated: boolean;
  /** Asks for the next page, unless that is under way, there is none, or the last question failed. */
  readonly more: () => void;
  /** What failed once more. */
  readonly retry: () => void;
  /** From the beginning. */
  readonly again: () => void;
}

/** A {@link PageList} as a component shows it. Another path begins anew. */
export function usePages<T extends Page>(path: string): Pages<T> {
  const [{ path: of, ...shown }, setShown] = useState<ListedPages<T>>(NO_PAGES);
  const [list] = useState(() => new PageList<T>(get, setShown));
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    void list.begin(path);
    return () => list.end();
  }, [path, turn]);

  const outdated = of !== path;
  const again = (): void => setTurn((before) => before + 1);
  return {
    ...shown,
    outdated,
    more: () => {
      if (!outdated) void list.more();
    },
    retry: () => {
      if (outdated || shown.pages.length === 0) again();
      else void list.retryMore();
    },
    again,
  };
}
