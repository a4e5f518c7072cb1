import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { type ProcessOwner, processIo } from '#runtime/process-io.ts';

class FakeProcess extends EventEmitter {
  readonly argv = ['node', 'main.ts', '--json'];
  readonly env = { A: 'b' };
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly exits: unknown[] = [];
  exit(code: unknown): void {
    this.exits.push(code);
  }
}

function started() {
  const owner = new FakeProcess();
  const clock = { now: 5_000 };
  return { owner, clock, io: processIo(owner as unknown as ProcessOwner, () => clock.now) };
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

  it('who never looks at the signal is ended by it like any program', () => {
    const { owner } = started();
    expect(owner.eventNames()).toEqual([]);
  });
});
