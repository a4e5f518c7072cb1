import type { Page } from '#console/api/session.ts';
import { now } from '#console/page/text/server-clock.ts';
import { asFailure, type RequestFailure } from './ask-server.ts';

export interface ListedPages<T> {
  /** What the pages are of; `undefined` = none has come yet. */
  readonly path: string | undefined;
  readonly pages: readonly T[];
  readonly failure: RequestFailure | undefined;
  readonly loading: boolean;
  /** When the first page came. */
  readonly at: number | undefined;
}

/** Before anything was asked. */
export const NO_PAGES: ListedPages<never> = {
  path: undefined,
  pages: [],
  failure: undefined,
  loading: true,
  at: undefined,
};

/**
 * A list that the server hands out page by page, one question at a time. It knows itself what is under way: who draws it may
 * hold a picture of a moment ago, and ask by that again. What asks resolves when the answer was heard, or counts no more.
 *
 * Modes: *asking* (`loading`) → *resting* or *failed* (`failure`); `begin` cuts off what is under way.
 */
export class PageList<T extends Page> {
  readonly #ask: (path: string, signal: AbortSignal) => Promise<T>;
  readonly #onChange: (to: ListedPages<T>) => void;
  #state: ListedPages<T> = NO_PAGES;
  #asking: AbortController | undefined;

  constructor(
    ask: (path: string, signal: AbortSignal) => Promise<T>,
    onChange: (to: ListedPages<T>) => void,
  ) {
    this.#ask = ask;
    this.#onChange = onChange;
  }

  /** From the beginning. The pages that were there stay until the first new one comes. */
  begin(path: string): Promise<void> {
    return this.#next(path, path, []);
  }

  /** Asks for the next page, unless something is under way, there is none, or the last question failed. */
  async more(): Promise<void> {
    // Who scrolls asks again and again: a server that fails is not to be asked as fast as it can fail.
    if (this.#state.failure === undefined) await this.retryMore();
  }

  /** As {@link more}, also when the last question failed. */
  async retryMore(): Promise<void> {
    const { path, pages, loading } = this.#state;
    const cursor = pages.at(-1)?.next;
    if (loading || path === undefined || typeof cursor !== 'string') return;
    const at = `${path}${path.includes('?') ? '&' : '?'}cursor=${encodeURIComponent(cursor)}`;
    await this.#next(path, at, pages);
  }

  /** Nobody looks any more. */
  end(): void {
    this.#asking?.abort();
  }

  async #next(path: string, at: string, before: readonly T[]): Promise<void> {
    this.#asking?.abort();
    this.#asking = new AbortController();
    const { signal } = this.#asking;
    this.#change({ loading: true });
    try {
      const page = await this.#ask(at, signal);
      if (signal.aborted) return;
      const isFirst = before.length === 0;
      this.#change({
        path,
        pages: [...before, page],
        failure: undefined,
        loading: false,
        ...(isFirst && { at: now() }),
      });
    } catch (error) {
      if (signal.aborted) return;
      const failure = asFailure(error);
      this.#change({ failure, loading: false });
    }
  }

  #change(to: Partial<ListedPages<T>>): void {
    this.#state = { ...this.#state, ...to };
    this.#onChange(this.#state);
  }
}
