import { connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Flow } from '#console/api/flow.ts';
import { Viewers } from '#console/server/answers/viewers.ts';
import { goodReading, TestConsole } from '#console/server/testing/test-console.ts';
import { eventually } from '#runtime/testing/eventually.ts';

describe('the flow', () => {
  it('agrees with the metrics, and its books close', async () => {
    await using test = await TestConsole.start();
    await test.publish('dev-1', goodReading(1), goodReading(2), '{', `[${goodReading(3)},{}]`);
    const flow = await eventually(async () => {
      const now = await test.get<Flow>('/flow');
      expect(now.books.writer).toMatchObject({ consumed: 3, stored: 3, deadLettered: 0, closes: true });
      expect(now.deadLetters).toEqual({ pending: 2 });
      expect(now.problems).toEqual([]);
      return now;
    });
    expect(flow.mode).toBe('standalone');
    expect(flow.targets).toEqual([{ name: 'this process', up: true, detail: null }]);
    expect(flow.devices).toMatchObject({ connected: 1, paused: 0 });
    const books = flow.books.gateway;
    expect(books).toEqual({ decoded: 5, appended: 3, deadLettered: 2, unconfirmed: 0, closes: true });
    expect(flow.books.sentence).toBeNull();
    expect(await test.metric('ingest_readings_decoded_total')).toBe(books?.decoded);
    expect(await test.metric('ingest_readings_appended_total')).toBe(books?.appended);
    expect(await test.metric('ingest_dead_letters_total')).toBe(books?.deadLettered);
    expect(await test.metric('writer_readings_stored_total')).toBe(flow.books.writer?.stored);
    expect(await test.metric('ingest_connected_devices')).toBe(flow.devices?.connected);
    expect(await test.metric('kafka_consumergroup_lag')).toBe(flow.lag?.records);
    expect(await test.metric('dead_letters_pending')).toBe(flow.deadLetters?.pending);
    expect(flow.inFlight).toMatchObject({ messages: 0, maxMessages: 50_000 });
  });

  it('is told to viewers by events, made once for all of them', async () => {
    await using test = await TestConsole.start({ writes: false });
    const stop = new AbortController();
    const answers = await Promise.all(
      [1, 2, 3].map(() => test.ask('/api/v1/flow/events', { signal: stop.signal })),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(answers[0]?.headers.get('content-type')).toContain('text/event-stream');
    expect(answers[0]?.headers.get('content-security-policy')).toContain("default-src 'none'");
    const texts = await Promise.all(
      answers.map(async ({ body }) => {
        let text = '';
        for await (const chunk of body ?? []) {
          text += Buffer.from(chunk).toString();
          if (text.split('event: flow').length > 3) break;
        }
        return text;
      }),
    );
    for (const text of texts) expect(text).toMatch(/^retry: \d+\n\nevent: flow\ndata: \{"at":/);
    stop.abort();
    await eventually(async () => expect(await test.metric('console_viewers')).toBe(0));
  });

  it('lets go of a viewer that does not take what it is sent', async () => {
    await using test = await TestConsole.start({ writes: false });
    const socket = connect(Number(new URL(test.url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    const closed = new Promise((resolve) => socket.once('close', resolve));
    socket.write('GET /api/v1/flow/events HTTP/1.1\r\nhost: localhost\r\n\r\n');
    await eventually(async () => expect(await test.metric('console_viewers')).toBe(1));
    socket.destroy();
    await closed;
    await eventually(async () => expect(await test.metric('console_viewers')).toBe(0));
  });
});

describe('viewers', () => {
  const slowReply = (waiting: () => number) => {
    const written: string[] = [];
    const events = new Map<string, () => void>();
    const raw = {
      writeHead: () => raw,
      write: (text: string) => written.push(text),
      once: (event: string, then: () => void) => events.set(event, then),
      end: () => undefined,
      destroy: () => events.get('close')?.(),
      get writableLength() {
        return waiting();
      },
    };
    return { written, reply: { raw, hijack: () => undefined, getHeaders: () => ({}) } as never };
  };

  it('that do not read are dropped before they hold more than their bound; the others go on', () => {
    let dropped = 0;
    using viewers = new Viewers(() => dropped++);
    const quick = slowReply(() => 0);
    let waiting = 0;
    const slow = slowReply(() => waiting);
    viewers.add(quick.reply, 'first');
    viewers.add(slow.reply, 'first');
    viewers.send('a');
    waiting = 300 * 1024;
    viewers.send('b');
    viewers.send('c');
    expect(slow.written.slice(1)).toEqual(['a']);
    expect(quick.written.slice(1)).toEqual(['a', 'b', 'c']);
    expect([dropped, viewers.size]).toEqual([1, 1]);
  });

  it('are bounded in number', () => {
    using viewers = new Viewers(() => undefined);
    while (!viewers.isFull) viewers.add(slowReply(() => 0).reply, '');
    expect(viewers.size).toBe(64);
  });
});
