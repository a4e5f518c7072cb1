import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { doneBefore, fired } from '#runtime/abort-signal.ts';

describe('fired', () => {
  it('resolves when the signal fires, and for one that has fired', async () => {
    const controller = new AbortController();
    const waiting = fired(controller.signal);
    controller.abort();
    await waiting;
    await fired(controller.signal);
  });
});

describe('doneBefore', () => {
  it('tells whether the work was done before the signal fired', async () => {
    const controller = new AbortController();
    expect(await doneBefore(controller.signal, Promise.resolve('x'))).toBe(true);
    const waiting = doneBefore(controller.signal, new Promise(() => undefined));
    controller.abort();
    expect(await waiting).toBe(false);
    expect(await doneBefore(controller.signal, Promise.resolve('x'))).toBe(false);
  });

  it('rejects with the work, and leaves no listener behind', async () => {
    const { signal } = new AbortController();
    await expect(doneBefore(signal, Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });

  it('lets work fail unseen after the signal fired', async () => {
    const controller = new AbortController();
    const work = Promise.withResolvers<void>();
    const waiting = doneBefore(controller.signal, work.promise);
    controller.abort();
    await waiting;
    work.reject(new Error('nobody waits'));
    await new Promise(setImmediate);
  });
});
