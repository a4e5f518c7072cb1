import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { letterOf } from './letters.ts';
import { printStats } from './stats.ts';

test.each([9e18, -9e18, 8.64e15 + 1, Number.NaN])(
  'a letter with a time that is none (%d) is counted with the others',
  async (timestamp) => {
    const record = {
      topic: 't',
      partition: 0,
      offset: 1,
      timestamp,
      key: Buffer.from('d'),
      value: Buffer.from('{}'),
    };
    async function* letters() {
      for (const time of [timestamp, 1_764_000_000_000])
        yield letterOf({ ...record, headers: {}, timestamp: time } as never, undefined);
    }
    const out = new PassThrough();
    const printed = text(out);
    await printStats(letters(), { top: 5, json: true }, out);
    out.end();
    expect(JSON.parse(await printed)).toMatchObject({ letters: 2 });
  },
);
