import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it, vi } from 'vitest';
import { type ProcessOwner, processIo } from '#runtime/process-io.ts';

class FakeProcess extends EventEmitter {
  readonly argv = ['node', 'main.ts', '--json'];
  readonly env = { A: 'b' };
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  platform = 'linux';
  readonly exits: unknown[] = [];
  exit(code: unknown): void {
    this.exits.push(code);
  }
}

function started() {
  const owner = new FakeProcess();
  const clock = { now: 5_000 };
  const terminal = { isThere: false };
  const surroundings = { now: () => clock.now, hasTerminal: () => terminal.isThere };
  return { owner, clock, terminal, io: processIo(owner as unknown as ProcessOwner, surroundings) };
}

describe('what a main.ts hands on of its process', () => {
  it('is its arguments, its environment and its outputs', () => {
    const { io, owner } = started();
    expect(io).toMatchObject({
      argv: ['--json'],
      env: { A: 'b' },
      stdout: owner.stdout,
      stderr: owner.stderr,
    });
  });

  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'])('%s asks for the end', (name) => {
    const { io, owner } = started();
    expect(io.signal.aborted).toBe(false);
    owner.emit(name);
    expect(io.signal.aborted).toBe(true);
    expect(owner.exits).toEqual([]);
  });

  it('signals within a second are one wish: Ctrl-C comes from the terminal and from npm', () => {
    const { io, owner, clock } = started();
    expect(io.signal.aborted).toBe(false);
    owner.emit('SIGINT');
    clock.now += 1_000;
    owner.emit('SIGINT');
    owner.emit('SIGHUP');
    expect(owner.exits).toEqual([]);
    clock.now += 1;
    owner.emit('SIGTERM');
    expect(owner.exits).toEqual([1]);
  });

  describe('SIGHUP to who can read its files again', () => {
    function serving(isInTerminal: boolean) {
      const all = started();
      const reload = vi.fn();
      all.terminal.isThere = isInTerminal;
      all.io.onReload(reload);
      expect(all.io.signal.aborted).toBe(false);
      return { ...all, reload };
    }
    const hangUp = ({ owner }: { readonly owner: FakeProcess }): void => {
      vi.useFakeTimers();
      try {
        owner.emit('SIGHUP');
        vi.runAllTimers();
      } finally {
        vi.useRealTimers();
      }
    };

    it('asks it to, when it never had a terminal, as often as it comes', () => {
      const service = serving(false);
      hangUp(service);
      service.clock.now += 5_000;
      hangUp(service);
      expect(service.reload).toHaveBeenCalledTimes(2);
      expect(service.io.signal.aborted).toBe(false);
      expect(service.owner.exits).toEqual([]);
    });

    it('asks it to, when its terminal is still there: somebody sent it by hand', () => {
      const service = serving(true);
      hangUp(service);
      expect(service.reload).toHaveBeenCalledOnce();
      expect(service.io.signal.aborted).toBe(false);
    });

    it('is the end, when its terminal is gone; and on Windows', () => {
      const closed = serving(true);
      closed.terminal.isThere = false;
      hangUp(closed);
      const window = serving(false);
      window.owner.platform = 'win32';
      hangUp(window);
      for (const { io, reload } of [closed, window]) {
        expect(io.signal.aborted).toBe(true);
        expect(reload).not.toHaveBeenCalled();
      }
    });
  });

  it('who never looks at the signal is ended by it like any program', () => {
    const { owner } = started();
    expect(owner.eventNames()).toEqual([]);
  });
});
