import { describe, expect, test } from 'vitest';
import type { Page } from '#console/api/session.ts';
import { RequestFailure } from './ask-server.ts';
import { type ListedPages, PageList } from './page-list.ts';

interface Numbered extends Page {
  readonly number: number;
}

interface Question {
  readonly path: string;
  readonly signal: AbortSignal;
  answer(page: Numbered): void;
  fail(error: Error): void;
}

/** What was answered reaches whoever asked. */
const heard = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));

function listUnderTest() {
  const asked: Question[] = [];
  let shown: ListedPages<Numbered> | undefined;
  const list = new PageList<Numbered>(
    (path, signal) =>
      new Promise((answer, fail) => {
        asked.push({ path, signal, answer, fail });
      }),
    (to) => {
      shown = to;
    },
  );
  return {
    list,
    asked,
    shown: () => shown as ListedPages<Numbered>,
    numbers: () => shown?.pages.map(({ number }) => number),
    /** Answers the newest question, and waits until that was heard. */
    async answer(page: Numbered | Error): Promise<void> {
      const question = asked.at(-1) as Question;
      if (page instanceof Error) question.fail(page);
      else question.answer(page);
      await heard();
    },
  };
}

const page = (number: number, next: string | null = `${number + 1}`): Numbered =>
  ({ number, total: 9, next }) as Numbered;
const away = new RequestFailure(503, 'away', 'It is away.');

describe('a list that comes page by page', () => {
  test('asks for a page once, however often it is wanted while the answer is awaited', async () => {
    const { list, asked, numbers, answer } = listUnderTest();
    list.begin('/list?limit=5');
    list.more();
    list.more();
    expect(asked.map(({ path }) => path)).toEqual(['/list?limit=5']);
    await answer(page(0));
    for (let turn = 0; turn < 3; turn++) list.more();
    expect(asked.map(({ path }) => path)).toEqual(['/list?limit=5', '/list?limit=5&cursor=1']);
    await answer(page(1, null));
    expect(numbers()).toEqual([0, 1]);
    list.more();
    expect(asked, 'there is no other').toHaveLength(2);
  });

  test('a server that fails is asked again by whoever tries again, and by nobody who scrolls', async () => {
    const { list, asked, shown, numbers, answer } = listUnderTest();
    list.begin('/list');
    await answer(page(0));
    list.more();
    await answer(away);
    list.more();
    expect(asked).toHaveLength(2);
    expect(shown()).toMatchObject({ failure: { code: 'away' }, loading: false });
    list.retryMore();
    list.retryMore();
    expect(asked.map(({ path }) => path)).toEqual(['/list', '/list?cursor=1', '/list?cursor=1']);
    await answer(page(1));
    expect(shown().failure).toBeUndefined();
    expect(numbers()).toEqual([0, 1]);
  });

  test('another beginning cuts off what is under way, whose answer no longer counts', async () => {
    const { list, asked, shown, numbers, answer } = listUnderTest();
    list.begin('/one');
    await answer(page(0));
    list.more();
    const late = asked.at(-1) as Question;
    list.begin('/two');
    expect(late.signal.aborted).toBe(true);
    late.answer(page(1));
    await heard();
    expect(shown()).toMatchObject({ path: '/one', loading: true });
    expect(numbers(), 'what was there stays until the new is').toEqual([0]);
    await answer(page(7));
    expect(shown()).toMatchObject({ path: '/two', loading: false });
    expect(numbers()).toEqual([7]);
    list.begin('/two');
    (asked.at(-1) as Question).fail(new Error('cut'));
    list.end();
    await heard();
    expect(shown().failure, 'nobody looks').toBeUndefined();
  });
});
