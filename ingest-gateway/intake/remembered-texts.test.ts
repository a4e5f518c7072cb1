import { expect, it } from 'vitest';
import { heapGrowthMiB } from '#runtime/testing/heap-growth.ts';
import { ForeignTopics } from './foreign-topics.ts';
import { TurnedAwayBook } from './turned-away.ts';

/** As long as MQTT allows, and as a packet's bytes become one. */
const longText = (i: number): string => Buffer.alloc(65_535, `${i}/`).toString();

it('[P6] of the topics that a device may name, no more is kept than is shown', () => {
  const growth = heapGrowthMiB(() =>
    Array.from({ length: 50 }, () => {
      const topics = new ForeignTopics(100, 100);
      for (let i = 0; i < 20; i++) topics.count(longText(i), 0);
      expect(Array.from(topics.entries(), ([topic]) => topic.length)).toEqual([...Array(8).fill(128), 8]);
      return topics;
    }),
  );
  expect(growth).toBeLessThan(5);
});

it('[P6] of what a client was turned away for, too', () => {
  const growth = heapGrowthMiB(() => {
    const book = new TurnedAwayBook(10_000);
    for (let i = 0; i < 400; i++)
      book.count(
        `10.0.${i >> 8}.${i & 255}`,
        { reason: 'foreign-topic', deviceId: undefined, address: '10.0.0.1', detail: longText(i) },
        0,
      );
    return book;
  });
  expect(growth).toBeLessThan(5);
});
