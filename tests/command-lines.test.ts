import { readFileSync } from 'node:fs';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { banCommands } from '#ingest-gateway/devices/bans/ban-commands.ts';
import { deviceCommands } from '#ingest-gateway/devices/device-commands.ts';
import { runDeadLetters } from '#processors/dead-letters/command.ts';
import { runMapping } from '#processors/mapping/command.ts';
import { runOffsets } from '#processors/offsets/command.ts';
import { runReprocess } from '#processors/reprocess/command.ts';
import { runSchemas } from '#processors/schemas/command.ts';
import { runTrace } from '#processors/trace/trace-command.ts';
import { type CommandIo, runCommand } from '#runtime/command-line.ts';
import { simulateCommand } from '#simulator/command.ts';
import { runBackup, runRestore } from '#standalone/backup/command.ts';
import { runConfig } from '#standalone/configuration/command.ts';

/*
 * Aim: what holds of every command of the README holds of those that will be added. Method: each is asked in process, with
 * nothing behind it, for no question here comes so far; its commands are found in its own help. Those that are nothing but
 * a process that serves, and those for work on the code, are looked at by `tests/build.test.ts`, as they are started.
 */
const nothing = (): never => {
  throw new Error('nothing is to be opened');
};
const beside = {
  now: Date.now,
  random: Math.random,
  readFile: nothing,
  openLog: nothing,
  openStore: nothing,
};

const PROGRAMS: Readonly<Record<string, (io: CommandIo) => Promise<number>>> = {
  backup: (io) => runBackup(io, Date.now),
  bans: (io) => runCommand(banCommands(io, { defaultFile: '', now: Date.now }), io, { code: 0 }),
  config: runConfig,
  devices: (io) => runCommand(deviceCommands(io, nothing, { code: 0 }, Date.now), io, { code: 0 }),
  dlq: (io) => runDeadLetters(io, beside),
  mapping: (io) => runMapping(io, beside),
  offsets: (io) => runOffsets(io, beside),
  reprocess: (io) => runReprocess(io, { ...beside, deps: { now: Date.now } as never }),
  restore: (io) => runRestore(io, Date.now),
  schemas: (io) => runSchemas(io, nothing),
  simulate: (io) => simulateCommand(io, beside),
  trace: (io) => runTrace(io, beside),
};

async function run(program: string, ...argv: string[]) {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const io = { argv, env: {}, stdout, stderr, signal: new AbortController().signal };
  const code = await (PROGRAMS[program] as (io: CommandIo) => Promise<number>)(io);
  return { code, out: String(stdout.read() ?? ''), err: String(stderr.read() ?? '') };
}

/** Names in the part of a help that begins with this title. */
function namesUnder(title: string, help: string, name: RegExp): string[] {
  const [, part = ''] = help.split(`\n${title}:\n`);
  return (part.split('\n\n')[0] ?? '').split('\n').flatMap((line) => name.exec(line)?.[1] ?? []);
}

const lines: (readonly [program: string, ...command: string[]])[] = [];
for (const program of Object.keys(PROGRAMS)) {
  const { out } = await run(program, '--help');
  const commands = namesUnder('Commands', out, /^ {2}([a-z]+)/).filter((name) => name !== 'help');
  lines.push([program], ...commands.map((name) => [program, name] as const));
}

test('all commands of the README that end by themselves are looked at', () => {
  const readme = readFileSync(path.join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const [, table = ''] = /\n## Commands\n([\s\S]*?)\n## /.exec(readme) ?? [];
  const rows = table.split('\n').flatMap((line) => /^\| (`.*?) \|/.exec(line)?.[1] ?? []);
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`(?:npm (?:run )?)?([a-z-]+)/g)].map(([, name]) => name),
  );
  const serve = ['start', 'demo', 'gateway', 'mqtt-source', 'processors', 'lag-monitor', 'services'];
  const ofTheCode = ['security-drill', 'fuzz', 'build', 'test', 'check', 'bench', 'docs'];
  expect([...new Set(named)].sort()).toEqual([...Object.keys(PROGRAMS), ...serve, ...ofTheCode].sort());
  expect(lines.length).toBeGreaterThan(30);
});

describe.each(lines)('npm run %s %s', (program, ...command) => {
  const words = command.filter((word) => word !== undefined);
  const ask = (...argv: string[]) => run(program, ...words, ...argv);

  test('explains itself: in 80 columns, every option, an example, the exit codes', async () => {
    const { code, out, err } = await ask('--help');
    expect([code, err]).toEqual([0, '']);
    for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
    expect(out).toMatch(/^Usage: npm run /);
    expect(out).toContain('\nExit codes: 0 ');
    if (namesUnder('Commands', out, /^ {2}([a-z]+)/).length === 0)
      expect(out).toMatch(/\nExamples?:\n {2}npm run /);
    // An option without a word of explanation, and what a program thinks of its defaults.
    expect(out).not.toMatch(/^ {2}--\S+( \S+)?$/m);
    expect(out).not.toMatch(/default: (false|null|undefined|\[|"|\d{6})/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
    expect(out).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
  });

  test('[P10] tells an option that it does not know, whatever else is missing, and does nothing', async () => {
    const { code, out, err } = await ask('--nonsense\u001b[31m', 'x');
    expect([code, out]).toEqual([2, '']);
    expect(err).toContain("unknown option '--nonsense\\u{1b}[31m'\n(--help explains)\n");
  });

  test('[P10] guesses which option was meant', async () => {
    const { out } = await ask('--help');
    const options = namesUnder('Options', out, /^ {2}(--[a-z-]{6,})/);
    for (const option of options.slice(0, 2)) {
      const misspelt = `${option.slice(0, -2)}${option.at(-1)}${option.at(-2)}`;
      if (misspelt === option) continue;
      const { code, err } = await ask(misspelt, 'x');
      expect(code).toBe(2);
      expect(err).toContain(`unknown option '${misspelt}'`);
      expect(err).toMatch(new RegExp(`Did you mean (one of )?.*${option}`));
    }
  });

  test('[P10] refuses a value that is none, naming option and what was expected', async () => {
    const { out } = await ask('--help');
    const ranged = namesUnder('Options', out, /^ {2}(--[a-z-]+) <(?:n|hours|seconds|share|time|when)>/);
    for (const option of ranged) {
      const { code, err } = await ask(`${option}=-x`);
      expect(code, option).toBe(2);
      expect(err).toMatch(new RegExp(`${option}.*expected`));
    }
  });
});

test.each(lines.filter(([, command]) => command !== undefined))(
  '[P10] npm run %s guesses that %s was meant',
  async (program, command = '') => {
    const misspelt = `${command}${command.at(-1)}`;
    const { code, out, err } = await run(program, misspelt);
    expect([code, out]).toEqual([2, '']);
    expect(err).toMatch(new RegExp(`Did you mean (one of )?.*${command}|\\(commands: ${command}\\)`));
  },
);
