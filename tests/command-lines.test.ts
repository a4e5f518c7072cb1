import { globSync, readFileSync } from 'node:fs';
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

type Line = readonly [program: string, ...command: string[]];
const lines: Line[] = [];
/** With the options of their own help. */
const options: {
  readonly line: Line;
  readonly command: string;
  readonly option: string;
  readonly value: string;
}[] = [];
const examples: string[] = [];
for (const program of Object.keys(PROGRAMS)) {
  const { out } = await run(program, '--help');
  const commands = namesUnder('Commands', out, /^ {2}([a-z]+)/).filter((name) => name !== 'help');
  lines.push([program], ...commands.map((name) => [program, name] as const));
}
for (const line of lines) {
  const [program, ...command] = line;
  const { out } = await run(program, ...command, '--help');
  for (const words of namesUnder('Options', out, /^ {2}(--[a-z-]+(?: <[a-z]+>)?)/)) {
    const [option = '', value = ''] = words.split(' ');
    options.push({ line, command: line.join(' '), option, value });
  }
  examples.push(...out.split('\n').filter((text) => /^ {2}.*npm (run|start)/.test(text)));
}

test('all commands of the README that end by themselves are looked at', () => {
  const readme = readFileSync(path.join(import.meta.dirname, '..', 'README.md'), 'utf8');
  const [, table = ''] = /\n## Commands\n([\s\S]*?)\n## /.exec(readme) ?? [];
  const rows = table.split('\n').flatMap((line) => /^\| (`.*?) \|/.exec(line)?.[1] ?? []);
  const named = rows.flatMap((row) =>
    [...row.matchAll(/`(?:npm (?:run (?:--silent )?)?)?([a-z-]+)/g)].map(([, name]) => name),
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
});

/** Two letters exchanged; the end of a long one, so that it is like no other. */
const misspelt = options.flatMap(({ line, command, option }) => {
  const typed = `${option.slice(0, -2)}${option.at(-1)}${option.at(-2)}`;
  return option.length >= 8 && typed !== option ? [{ line, command, option, typed }] : [];
});

test.each(misspelt)(
  '[P10] npm run $command guesses that $option was meant',
  async ({ line, option, typed }) => {
    const { code, err } = await run(...line, typed, 'x');
    expect(code).toBe(2);
    expect(err).toContain(`unknown option '${typed}'`);
    expect(err).toMatch(new RegExp(`Did you mean (one of )?.*${option}`));
  },
);

const RANGED = ['<n>', '<hours>', '<seconds>', '<share>', '<time>', '<when>'];
const ranged = options.filter(({ value }) => RANGED.includes(value));

test.each(ranged)(
  '[P10] npm run $command refuses a value of $option that is none',
  async ({ line, option }) => {
    const { code, err } = await run(...line, `${option}=-x`);
    expect(code).toBe(2);
    expect(err).toMatch(new RegExp(`${option}.*expected`));
  },
);

test('the options that are looked at were found in the help', () => {
  expect(misspelt.length).toBeGreaterThan(80);
  expect(ranged.length).toBeGreaterThan(50);
});

/** Copied as they stand, they would keep what npm prints in a file, or hand it to a program. */
const LOUD = /npm run (?!--silent )[^`#|]*(--json\b| > \S| \| (jq|node|grep|head|tail|sort|kcat)\b)/;

test('examples whose output a program or a file takes are silent: in the help, and in documents', () => {
  const documents = globSync(['*.md', '*/**/*.md'], {
    cwd: path.join(import.meta.dirname, '..'),
    exclude: (name) => /^(node_modules|dist|data)/.test(name),
  });
  expect(documents.length).toBeGreaterThan(50);
  const written = documents.flatMap((file) =>
    readFileSync(path.join(import.meta.dirname, '..', file), 'utf8').split('\n'),
  );
  expect([...examples, ...written].filter((text) => LOUD.test(text))).toEqual([]);
  expect(examples.filter((text) => text.includes('npm run --silent ')).length).toBeGreaterThan(3);
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
