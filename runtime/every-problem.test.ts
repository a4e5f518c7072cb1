import { describe, expect, it, vi } from 'vitest';
import { PipelineError } from '#runtime/errors.ts';
import { everyProblemAtOnce } from '#runtime/every-problem.ts';

const wrong = (message: string, cause?: Error): Promise<never> =>
  Promise.reject(new PipelineError('configuration', message, { cause }));

describe('everyProblemAtOnce', () => {
  it('hands back what the steps gave', async () => {
    expect(await everyProblemAtOnce([Promise.resolve(1), Promise.resolve('two')])).toEqual([1, 'two']);
  });

  it('[P10] tells the problems of all steps, each once, and closes what was opened', async () => {
    const close = vi.fn(async () => {});
    const steps = [
      wrong('MQTT_PORT: one'),
      Promise.resolve({ [Symbol.asyncDispose]: close }),
      wrong('DATA_DIR: cannot be written', new Error('EACCES')),
      wrong('MQTT_PORT: one\nHTTP_PORT: two'),
    ];
    await expect(everyProblemAtOnce(steps)).rejects.toMatchObject({
      code: 'configuration',
      message: 'MQTT_PORT: one\nDATA_DIR: cannot be written: EACCES\nHTTP_PORT: two',
    });
    expect(close).toHaveBeenCalledOnce();
  });

  it('does not hide a fault that is none of the configuration', async () => {
    await expect(
      everyProblemAtOnce([wrong('X: wrong'), Promise.reject(new Error('broken'))]),
    ).rejects.toThrow('broken');
  });
});
