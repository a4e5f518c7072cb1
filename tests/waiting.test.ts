import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';

/**
 * Keeps "no clock decides a test" of CONTRIBUTING.md, as far as a text shows it: a test awaits an event, or looks for it
 * through `eventually`, whose patience is longer than a busy machine needs.
 */
const ROOT = path.join(import.meta.dirname, '..');
const THE_HELPER = 'runtime/testing/eventually.ts';
/** Watches for what must not happen, which no event tells; the driver says how long. */
const WATCHES = new Set(['event-log/suite/log-under-test.ts']);

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => /\.(test|suite)\.ts$|\/testing\/|^tests\//.test(file));

/** Lines of these files, without the comments, in which the pattern stands. */
function linesWith(pattern: RegExp, among: readonly string[] = files): string[] {
  return among.flatMap((file) =>
    readFileSync(path.join(ROOT, file), 'utf8')
      .split('\n')
      .flatMap((line, at) => (pattern.test(line.replace(/\/\/.*| \* .*/, '')) ? [`${file}:${at + 1}`] : [])),
  );
}

describe('waiting in tests', () => {
  it('goes through eventually, not through a helper with a time-out of one second', () => {
    const allowed = new RegExp(`^(${THE_HELPER}|tests/waiting.test.ts):`);
    expect(linesWith(/\bvi\.wait(For|Until)\b/).filter((line) => !allowed.test(line))).toEqual([]);
  });

  it('expect.poll says how long it may take', () => {
    const polls = files.filter((file) => !file.endsWith('waiting.test.ts'));
    const silent = polls.filter((file) =>
      readFileSync(path.join(ROOT, file), 'utf8')
        .split(/\.poll\(/)
        .slice(1)
        .some((rest) => !/timeout:|WITHIN/.test(rest.slice(0, 300))),
    );
    expect(silent).toEqual([]);
  });

  const unit = files.filter((file) => !/\.(real|faults)\.test\.ts$/.test(file));

  it('is no sleep in tests that need Node alone', () => {
    // A faked clock is waited for by nobody.
    const isFaked = (file: string): boolean =>
      /\bvi\.useFakeTimers\(/.test(readFileSync(path.join(ROOT, file), 'utf8'));
    const among = unit.filter((file) => !file.startsWith('tests/') && !WATCHES.has(file) && !isFaked(file));
    expect(
      linesWith(/setTimeout\((resolve|done|\(\) => resolve)|setTimeout as|setTimeout } from/, among),
    ).toEqual([]);
  });

  it('has the time-outs of vitest.config.ts in tests that need Node alone', () => {
    const tests = unit.filter((file) => file.endsWith('.test.ts'));
    expect(linesWith(/^\s*\}, \d+_\d{3}\);$|\{ timeout: \d[\d_]* \}, (async )?\(/, tests)).toEqual([]);
    const inLinesOfTheirOwn = /^\s*\},\n\s*\d+_\d{3},\n\s*\);$/m;
    const textOf = (file: string) => readFileSync(path.join(ROOT, file), 'utf8');
    expect(tests.filter((file) => inLinesOfTheirOwn.test(textOf(file)))).toEqual([]);
  });

  it('gives what must become durable far more time than a busy machine takes', () => {
    // Up to two seconds: what must not become durable.
    expect(linesWith(/performance\.now\(\) \+ ([3-9]|[12]\d)_?\d{3}\b/)).toEqual([]);
  });
});
