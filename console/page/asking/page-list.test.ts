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
    newest: () => asked.at(-1) as Question,
  };
}

const page = (number: number, next: string | null = `${number + 1}`): Numbered =>
  ({ number, total: 9, next }) as Numbered;
const away = new RequestFailure(503, 'away', 'It is away.');

describe('a list that comes page by page', () => {
  test('asks for a page once, however often it is wanted while the answer is awaited', async () => {
    const { list, asked, numbers, newest } = listUnderTest();
    const begun = list.begin('/list?limit=5');
    void list.more();
    void list.more();
    expect(asked.map(({ path }) => path)).toEqual(['/list?limit=5']);
    newest().answer(page(0));
    await begun;
    const more = list.more();
    for (let turn = 0; turn < 3; turn++) void list.more();
    expect(asked.map(({ path }) => path)).toEqual(['/list?limit=5', '/list?limit=5&cursor=1']);
    newest().answer(page(1, null));
    await more;
    expect(numbers()).toEqual([0, 1]);
    void list.more();
    expect(asked, 'there is no other').toHaveLength(2);
  });

  test('a server that fails is asked again by whoever tries again, and by nobody who scrolls', async () => {
    const { list, asked, shown, numbers, newest } = listUnderTest();
    const begun = list.begin('/list');
    newest().answer(page(0));
    await begun;
    const more = list.more();
    newest().fail(away);
    await more;
    void list.more();
    expect(asked).toHaveLength(2);
    expect(shown()).toMatchObject({ failure: { code: 'away' }, loading: false });
    const again = list.retryMore();
    void list.retryMore();
    expect(asked.map(({ path }) => path)).toEqual(['/list', '/list?cursor=1', '/list?cursor=1']);
    newest().answer(page(1));
    await again;
    expect(shown().failure).toBeUndefined();
    expect(numbers()).toEqual([0, 1]);
  });

  test('another beginning cuts off what is under way, whose answer no longer counts', async () => {
    const { list, shown, numbers, newest } = listUnderTest();
    const first = list.begin('/one');
    newest().answer(page(0));
    await first;
    const late = list.more();
    const lateQuestion = newest();
    const second = list.begin('/two');
    expect(lateQuestion.signal.aborted).toBe(true);
    lateQuestion.answer(page(1));
    await late;
    expect(shown()).toMatchObject({ path: '/one', loading: true });
    expect(numbers(), 'what was there stays until the new is').toEqual([0]);
    newest().answer(page(7));
    await second;
    expect(shown()).toMatchObject({ path: '/two', loading: false });
    expect(numbers()).toEqual([7]);
    const left = list.begin('/two');
    list.end();
    newest().fail(new Error('cut'));
    await left;
    expect(shown().failure, 'nobody looks').toBeUndefined();
  });
});
