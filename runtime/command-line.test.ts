import { PassThrough } from 'node:stream';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { type CommandOutcome, decimalNumber, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';

async function run(
  argv: string[],
  action: (outcome: CommandOutcome) => void = () => {},
): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outcome: CommandOutcome = { code: 0 };
  const program = new Command('tool')
    .option('--count <n>', 'how many', wholeNumber(1, 9))
    .option('--share <x>', 'which share', decimalNumber(0, 1))
    .action(() => action(outcome));
  const code = await runCommand(
    program,
    { argv, env: {}, stdout, stderr, signal: new AbortController().signal },
    outcome,
  );
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

describe('command line', () => {
  it('explains itself on --help', async () => {
    expect(await run(['--help'])).toMatchObject({ code: 0, out: expect.stringContaining('--count <n>') });
  });

  it.each([
    ['--count', '0'],
    ['--count', '1.5'],
    ['--count', '0x5'],
    ['--count', ''],
    ['--share', '1.1'],
    ['--share', 'half'],
    ['--what'],
    ['word'],
  ])('[P10] exits 2 on %s %s', async (...argv) => {
    const { code, err } = await run(argv);
    expect(code).toBe(2);
    expect(err).not.toBe('');
  });

  it.each(['EPIPE', 'EIO'])('takes a reader that has gone (%s) for no failure', async (code) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const action = (): void => {
      for (const output of [stdout, stderr]) output.emit('error', Object.assign(new Error(code), { code }));
    };
    const io = { argv: [], env: {}, stdout, stderr, signal: new AbortController().signal };
    expect(await runCommand(new Command('tool').action(action), io, { code: 0 })).toBe(0);
  });

  it('exits 0, 1 or 2 after what its action did', async () => {
    expect((await run(['--count', '3', '--share', '.5'])).code).toBe(0);
    expect((await run([], (outcome) => void Object.assign(outcome, { code: 1 }))).code).toBe(1);
    const failing = (error: Error) => () => {
      throw error;
    };
    expect(await run([], failing(new Error('broken')))).toMatchObject({ code: 1, err: 'broken\n' });
    expect((await run([], failing(new PipelineError('configuration', 'X: wrong')))).code).toBe(2);
  });
});
