import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AuditLog, auditCommand } from './audit-log.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'audit-'));
  file = path.join(folder, 'audit.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const NOW = 1_764_000_000_000;
const linesOf = (name: string): unknown[] =>
  readFileSync(name, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('AuditLog', () => {
  it('writes a JSON object a line, in order, for its owner alone', async () => {
    const lost: string[] = [];
    const audit = new AuditLog(
      { file, maxBytes: 1e6, files: 2 },
      () => NOW,
      (_, why) => lost.push(why),
    );
    for (let i = 0; i < 1_000; i++) audit.write('refused', { i, device: 'a\nb' });
    await audit[Symbol.asyncDispose]();
    const lines = linesOf(file) as { i: number }[];
    expect(lines.map(({ i }) => i)).toEqual([...Array(1_000).keys()]);
    expect(lines[0]).toEqual({ time: '2025-11-24T16:00:00.000Z', event: 'refused', i: 0, device: 'a\nb' });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    audit.write('refused', { device: '\u202e\u009b31m' });
    await audit[Symbol.asyncDispose]();
    expect(readFileSync(file, 'utf8')).toContain('"\\u202e\\u009b31m"');
    expect(lost).toEqual([]);
  });

  it('begins a new file at its bound, and keeps as many old ones as it may', async () => {
    const audit = new AuditLog(
      { file, maxBytes: 150, files: 2 },
      () => NOW,
      () => undefined,
    );
    for (let i = 0; i < 10; i++) {
      audit.write('refused', { i });
      await audit[Symbol.asyncDispose]();
    }
    const kept = [`${file}.2`, `${file}.1`, file].flatMap((name) => linesOf(name) as { i: number }[]);
    expect(kept.map(({ i }) => i)).toEqual([4, 5, 6, 7, 8, 9]);
    expect(existsSync(`${file}.3`)).toBe(false);
  });

  it('tells what it could not write, and goes on when it can again', async () => {
    const lost: [number, string][] = [];
    const elsewhere = path.join(folder, 'missing', 'audit.jsonl');
    const audit = new AuditLog(
      { file: elsewhere, maxBytes: 1e6, files: 2 },
      () => NOW,
      (...it) => lost.push(it),
    );
    audit.write('refused', { i: 0 });
    await audit[Symbol.asyncDispose]();
    expect(lost).toEqual([[1, expect.stringContaining('ENOENT')]]);
    mkdirSync(path.dirname(elsewhere));
    audit.write('refused', { i: 1 });
    await audit[Symbol.asyncDispose]();
    expect(linesOf(elsewhere)).toMatchObject([{ i: 1 }]);
  });

  it('keeps a bounded number of lines in memory', async () => {
    let lost = 0;
    const audit = new AuditLog(
      { file, maxBytes: 1e9, files: 2 },
      () => NOW,
      (lines) => {
        lost += lines;
      },
    );
    for (let i = 0; i < 25_000; i++) audit.write('refused', { i });
    await audit[Symbol.asyncDispose]();
    expect(linesOf(file).length + lost).toBe(25_000);
    expect(lost).toBeGreaterThan(0);
  });
});

describe('auditCommand', () => {
  it('adds who changed what, where there is an audit log, and tells when it cannot', () => {
    const stderr = new PassThrough();
    const audit = (env: Record<string, string>): void =>
      auditCommand({ env, stderr }, 'devices add', { devices: ['a'] });
    audit({});
    audit({ AUDIT_LOG_FILE: file });
    expect(linesOf(file)).toMatchObject([{ event: 'devices add', devices: ['a'], by: expect.any(String) }]);
    expect(stderr.read()).toBeNull();
    audit({ AUDIT_LOG_FILE: path.join(folder, 'missing', 'audit.jsonl') });
    expect(String(stderr.read())).toContain('AUDIT_LOG_FILE: not written');
  });
});
