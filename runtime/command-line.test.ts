import { PassThrough, Writable } from 'node:stream';
import { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import {
  type CommandOutcome,
  decimalNumber,
  printResult,
  runCommand,
  wholeNumber,
} from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';

async function run(
  argv: string[],
  action: (outcome: CommandOutcome) => void = () => {},
): Promise<{ code: number; out: string; err: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outcome: CommandOutcome = { code: 0 };
  const program = new Command('tool')
    .option('--count <n>', 'how many', wholeNumber(1, 9))
    .option('--share <x>', 'which share (default: 0.5)', decimalNumber(0, 1))
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
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    expect(out).toContain('--count <n>  how many (1 to 9)');
    expect(out).toContain('--share <x>  which share (0 to 1; default: 0.5)');
    expect(out).toContain('Exit codes: 0 ');
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

  it('asks for what is missing when it understood all that is there: a misspelt option is told first', async () => {
    const needs = async (...argv: string[]) => {
      const [stdout, stderr] = [new PassThrough(), new PassThrough()];
      const program = new Command('tool').requiredOption('--from <folder>', 'of a backup').action(() => {});
      const io = { argv, env: {}, stdout, stderr, signal: new AbortController().signal };
      return [await runCommand(program, io, { code: 0 }), String(stderr.read() ?? '')];
    };
    expect(await needs('--form', 'x')).toEqual([2, expect.stringMatching(/--form.*\n.*mean --from\?/)]);
    expect(await needs()).toEqual([2, expect.stringContaining("required option '--from <folder>'")]);
    expect(await needs('--from=x')).toEqual([0, '']);
  });

  it('tells a program that does something by itself which commands it knows', async () => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const program = new Command('tool').action(() => {});
    program.command('verify').action(() => {});
    const io = { argv: ['veriffy'], env: {}, stdout, stderr, signal: new AbortController().signal };
    expect(await runCommand(program, io, { code: 0 })).toBe(2);
    expect(String(stderr.read())).toContain('(commands: verify)');
  });

  it('[P10] what others wrote does nothing to a terminal, in complaints, errors and results', async () => {
    const hostile = '\u001b[31m\u202ered';
    const { err } = await run([`--${hostile}`]);
    const failed = await run([], () => {
      throw new PipelineError('usage', `line 1: ${hostile}\nline 2`);
    });
    const stdout = new PassThrough();
    printResult({ stdout }, false, {}, [hostile]);
    printResult({ stdout }, true, { id: hostile }, []);
    const out = String(stdout.read());
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    for (const text of [err, failed.err, out]) expect(text).not.toMatch(/[\u001b\u202e]/);
    expect(failed.err).toMatch(/^line 1: .*\nline 2\n$/);
    expect(JSON.parse(out.split('\n')[1] as string)).toEqual({ id: hostile });
  });

  it.each(['EPIPE', 'EIO'])('takes a reader that has gone (%s) for no failure', async (code) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const action = (): void => {
      for (const output of [stdout, stderr]) output.emit('error', Object.assign(new Error(code), { code }));
    };
    const io = { argv: [], env: {}, stdout, stderr, signal: new AbortController().signal };
    expect(await runCommand(new Command('tool').action(action), io, { code: 0 })).toBe(0);
  });

  it('takes a result that could not be written for a failure, and says so without a stack', async () => {
    const stderr = new PassThrough();
    const stdout = new Writable({
      write: (_chunk, _encoding, done) =>
        done(Object.assign(new Error('ENOSPC: no space'), { code: 'ENOSPC' })),
    });
    const io = { argv: [], env: {}, stdout, stderr, signal: new AbortController().signal };
    const program = new Command('tool').action(() => void stdout.write('result'));
    expect(await runCommand(program, io, { code: 0 })).toBe(1);
    expect(String(stderr.read())).toBe('standard output cannot be written: ENOSPC: no space\n');
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
