import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { ResultBook } from './result-book.ts';

const WHENCE = {
  command: 'npm run bench -- --write',
  at: '2026-11-26T10:00:00.000Z',
  machine: 'commit abc1234, Node 24',
  load: '0 0 0',
};
const PLACES = ['latency', 'rates'].map((kind) => `<!-- bench: ${kind} -->\n<!-- /bench: ${kind} -->\n`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'results-'));
  writeFileSync(path.join(folder, 'benchmarks.md'), PLACES.join('\n'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
});
const book = (whence = {}): ResultBook => new ResultBook(folder, { ...WHENCE, ...whence });
const document = (): string => readFileSync(path.join(folder, 'benchmarks.md'), 'utf8');

test('a run of one measurement leaves the other rows of its kind, each with the run that it is of', () => {
  for (const setup of ['bare', 'embedded']) book().write(`latency: ${setup}`, [{ idleMs: 1.23456789 }]);
  expect(document()).toContain('| bare | 1.23 |\n| embedded | 1.23 |\n');
  const command = 'npm run bench -- --write --only embedded';
  book({ command, machine: 'commit def5678' }).write('latency: embedded', [{ idleMs: 3 }]);
  expect(document()).toContain('| bare (run 1) | 1.23 |\n| embedded (run 2) | 3 |\n');
  expect(document()).toContain(`2. \`${command}\`, 2026-11-26: one round. commit def5678, load 0 0 0.\n`);
  book().write('latency: embedded', [{ idleMs: 4 }]);
  expect(document()).toContain('| bare | 1.23 |\n| embedded | 4 |\n');
});

test('plots the rates that were measured, and leaves nothing else behind', () => {
  book().write('rates: embedded, 1 a message', [{ saturatedPerSecond: 1_000, at1PubackP50Ms: 1 }]);
  expect(readdirSync(folder).toSorted()).toEqual([
    'benchmarks.jsonl',
    'benchmarks.md',
    'rates-embedded-1-a-message.svg',
  ]);
});

test('an interrupted run goes on with what was measured of this commit on this machine', () => {
  book().write('latency: bare', [{ idleMs: 1 }, { idleMs: 2 }]);
  book({ machine: 'commit def5678, Node 24' }).write('latency: embedded', [{ idleMs: 3 }]);
  expect(Object.fromEntries(book({ load: '1 1 1' }).measured())).toEqual({
    'latency: bare': [{ idleMs: 1 }, { idleMs: 2 }],
  });
  const changed = book({ machine: 'commit abc1234 with changes, Node 24' });
  expect(() => changed.measured()).toThrow(/not committed/);
});

test('what has no place is told before anything is measured', () => {
  expect(() => book().assertPlaces(['latency', 'burst'])).toThrow(/no place for "burst"/);
});
