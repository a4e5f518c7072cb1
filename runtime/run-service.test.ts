import { afterEach, describe, expect, it, vi } from 'vitest';
import { LIMITS } from '#contract/limits.ts';
import { PipelineError } from '#runtime/errors.ts';
import { createLogger } from '#runtime/logger.ts';
import { type ProcessControls, type RunningService, runService } from '#runtime/run-service.ts';
import { eventually } from '#runtime/testing/eventually.ts';

/** A process that writes down how it would have ended. */
class FakeProcess implements ProcessControls {
  readonly exits: number[] = [];
  readonly #ending = new AbortController();
  readonly signal = this.#ending.signal;
  tellToEnd(): void {
    this.#ending.abort();
  }
  askToReload = (): void => undefined;
  onReload(listener: () => void): void {
    this.askToReload = listener;
  }
  exit(code: number): void {
    this.exits.push(code);
  }
}

const lines: string[] = [];
const log = createLogger(
  { name: 'test', level: 'info' },
  { write: (line) => void lines.push(JSON.parse(line).msg) },
);
const forever = new Promise<never>(() => {});

async function run(start: (controls: FakeProcess) => Promise<RunningService>): Promise<number[]> {
  const controls = new FakeProcess();
  await runService(log, controls, () => start(controls));
  return controls.exits;
}

describe('runService', () => {
  afterEach(() => {
    lines.length = 0;
    vi.useRealTimers();
  });

  it('exits 0 when it is told to end, once it has stopped', async () => {
    const stop = vi.fn(async () => {});
    const exits = await run(async (controls) => {
      setImmediate(() => controls.tellToEnd());
      return { failed: forever, stop };
    });
    expect(exits).toEqual([0]);
    expect(stop).toHaveBeenCalledOnce();
  });

  it('reads its files again when it is asked to, and goes on; while it starts there is nothing to read again', async () => {
    const reload = vi.fn();
    const exits = await run(async (controls) => {
      controls.askToReload();
      setImmediate(() => {
        controls.askToReload();
        controls.askToReload();
        controls.tellToEnd();
      });
      return { failed: forever, reload, stop: async () => {} };
    });
    expect(reload).toHaveBeenCalledTimes(2);
    expect(exits).toEqual([0]);
  });

  it('[P10] exits 2 on wrong configuration, one log line per problem', async () => {
    const exits = await run(async () => {
      throw new PipelineError('configuration', 'MQTT_PORT: one\nHTTP_PORT: two');
    });
    expect(exits).toEqual([2]);
    expect(lines).toEqual(['MQTT_PORT: one', 'HTTP_PORT: two']);
  });

  it('[P7] stops and exits 1 when a part cannot go on', async () => {
    const stop = vi.fn(async () => {});
    const exits = await run(async () => ({
      failed: Promise.reject(new PipelineError('consumer-stopped', 'gone')),
      stop,
    }));
    expect(exits).toEqual([1]);
    expect(stop).toHaveBeenCalledOnce();
  });

  it('exits 2 when wrong configuration shows only later', async () => {
    const failed = Promise.reject(new PipelineError('configuration', 'TELEMETRY_TOPIC: too few replicas'));
    expect(await run(async () => ({ failed, stop: async () => {} }))).toEqual([2]);
  });

  it('exits 1 when stopping fails or takes too long', async () => {
    const failing = await run(async (controls) => {
      setImmediate(() => controls.tellToEnd());
      return { failed: forever, stop: () => Promise.reject(new Error('stuck')) };
    });
    expect(failing).toEqual([1]);

    vi.useFakeTimers();
    const late = run(async (controls) => {
      queueMicrotask(() => controls.tellToEnd());
      return { failed: forever, stop: () => forever };
    });
    await vi.advanceTimersByTimeAsync(10_001);
    expect(await late).toEqual([1]);
  });

  describe('told to end during the start', () => {
    const signalled = async (
      starting: Promise<RunningService>,
    ): Promise<{ controls: FakeProcess; ended: Promise<void> }> => {
      const controls = new FakeProcess();
      const ended = runService(log, controls, () => {
        queueMicrotask(() => controls.tellToEnd());
        return starting;
      });
      await eventually(() => expect(lines).toContain('stopping before the start is complete'));
      return { controls, ended };
    };

    it('ends a process whose start never ends, with 0', async () => {
      vi.useFakeTimers();
      const { controls, ended } = await signalled(forever);
      await vi.advanceTimersByTimeAsync(LIMITS.shutdownStartMs - 100);
      expect(controls.exits).toEqual([]);
      await vi.advanceTimersByTimeAsync(100);
      await ended;
      expect(controls.exits).toEqual([0]);
    });

    it('stops a service that comes up all the same', async () => {
      const starting = Promise.withResolvers<RunningService>();
      const { controls, ended } = await signalled(starting.promise);
      const stop = vi.fn(async () => {});
      starting.resolve({ failed: forever, stop });
      await ended;
      expect(stop).toHaveBeenCalledOnce();
      expect(controls.exits).toEqual([0]);
    });

    it('ends a process whose start fails, with 0 and the reason', async () => {
      const starting = Promise.withResolvers<RunningService>();
      const { controls, ended } = await signalled(starting.promise);
      starting.reject(new PipelineError('configuration', 'MQTT_PORT: one'));
      await ended;
      expect(lines).toContain('the start failed');
      expect(controls.exits).toEqual([0]);
    });

    it('leaves the service what is left of the deadline', async () => {
      vi.useFakeTimers();
      const starting = Promise.withResolvers<RunningService>();
      const { controls, ended } = await signalled(starting.promise);
      await vi.advanceTimersByTimeAsync(LIMITS.shutdownStartMs - 100);
      starting.resolve({ failed: forever, stop: () => forever });
      await vi.advanceTimersByTimeAsync(LIMITS.shutdownMs - LIMITS.shutdownStartMs + 100);
      await ended;
      expect(controls.exits).toEqual([1]);
    });
  });
});
