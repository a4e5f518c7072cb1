import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { write } from './text-output.ts';

describe('a slow reader', () => {
  const fullStream = () => new PassThrough({ highWaterMark: 1 });

  it('is waited for', async () => {
    const stream = fullStream();
    const written = write(stream, 'a line\n');
    expect(stream.read()?.toString()).toBe('a line\n');
    await written;
    expect(stream.listenerCount('error')).toBe(0);
  });

  it('that goes is waited for no longer, now or ever after', async () => {
    const stream = fullStream();
    stream.on('error', () => undefined);
    const written = write(stream, 'a line\n');
    stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await written;
    await write(stream, 'another\n');
  });
});
