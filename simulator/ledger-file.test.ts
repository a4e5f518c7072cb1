import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { SentReading } from './device-script.ts';
import type { Ledger, LedgerWriter } from './ledger.ts';
import { LedgerFile, readLedgerFile } from './ledger-file.ts';
import { digestOf } from './reading-source.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'ledger-'));
  file = path.join(folder, 'ledger');
});
afterEach(() => rmSync(folder, { recursive: true }));

const reading = (seq: number, malformed = false): SentReading => ({
  seq,
  ts: 1_764_000_000_000 + seq,
  malformed,
  digest: digestOf(`reading ${seq}`),
});

function write(ledger: LedgerWriter): void {
  ledger.device(0, 'a');
  ledger.device(1, 'b');
  for (let seq = 0; seq < 5; seq++) ledger.sent(0, reading(seq, seq === 3));
  ledger.acked(0, 0, 1);
  ledger.acked(0, 2, 3);
  ledger.sent(1, reading(0));
}

function content(ledger: Ledger): unknown {
  return ledger.devices.map((book) => [
    book.id,
    Array.from({ length: book.length }, (_, seq) => [book.ts(seq), book.isMalformed(seq), book.isAcked(seq)]),
  ]);
}

const expected = [
  ['a', [0, 1, 2, 3, 4].map((seq) => [1_764_000_000_000 + seq, seq === 3, seq < 4])],
  ['b', [[1_764_000_000_000, false, false]]],
];

test('what is written is what is read', async () => {
  {
    using ledger = new LedgerFile(file);
    write(ledger);
  }
  const ledger = await readLedgerFile(file);
  expect(content(ledger)).toEqual(expected);
  expect(ledger.bookOf('a')?.malformedWith(digestOf('reading 3'))).toBe(3);
  expect(ledger.bookOf('a')?.sentSound(2, 1_764_000_000_002, digestOf('reading 2'))).toBe(true);
  expect(ledger.bookOf('a')?.sentSound(2, 1_764_000_000_002, digestOf('reading 1'))).toBe(false);
});

test('it is readable for people: consecutive acknowledgements are one line', () => {
  {
    using ledger = new LedgerFile(file);
    write(ledger);
  }
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  expect(lines.filter((line) => line.startsWith('["acked"'))).toEqual(['["acked",0,0,3]']);
});

test('an unacknowledged reading between acknowledged ones stays so', async () => {
  {
    using ledger = new LedgerFile(file);
    ledger.device(0, 'a');
    for (let seq = 0; seq < 3; seq++) ledger.sent(0, reading(seq));
    ledger.acked(0, 0, 0);
    ledger.acked(0, 2, 2);
  }
  const book = (await readLedgerFile(file)).bookOf('a');
  expect([0, 1, 2].map((seq) => book?.isAcked(seq))).toEqual([true, false, true]);
});

test('a torn last line is left out', async () => {
  {
    using ledger = new LedgerFile(file);
    write(ledger);
  }
  const whole = readFileSync(file);
  appendFileSync(file, '["sent",0,5,17640000');
  expect(content(await readLedgerFile(file))).toEqual(expected);
  truncateSync(file, whole.length - 5);
  expect((await readLedgerFile(file)).bookOf('a')?.isAcked(0)).toBe(false);
});

test.each([
  ['a damaged line in the middle', '["ledger",1]\n["device",0,"a"]\n["sent",0\n["acked",0,0,0]\n', /line 3/],
  ['another file', 'hello\nworld\n', /line 1/],
  ['an empty file', '', /no ledger/],
  ['another format', '["ledger",2]\n', /no ledger/],
  ['a gap in seq', '["ledger",1]\n["device",0,"a"]\n["sent",0,1,5,"x"]\n["device",1,"b"]\n', /line 3/],
])('%s is refused', async (_name, text, message) => {
  writeFileSync(file, text);
  const error: Error = await readLedgerFile(file).then(
    () => new Error('accepted'),
    (reason: Error) => reason,
  );
  expect(error).toMatchObject({ code: 'usage' });
  expect(String(error.cause)).toMatch(message);
});

test('a missing file is refused, and an existing one is not written over', async () => {
  await expect(readLedgerFile(file)).rejects.toMatchObject({ code: 'usage' });
  writeFileSync(file, 'precious');
  expect(() => new LedgerFile(file)).toThrow(/one run/);
  expect(readFileSync(file, 'utf8')).toBe('precious');
});

test('what was flushed survives SIGKILL of the simulator', async () => {
  const module = path.join(import.meta.dirname, 'ledger-file.ts');
  const script = `
    const { LedgerFile } = await import(${JSON.stringify(module)});
    const ledger = new LedgerFile(${JSON.stringify(file)});
    ledger.device(0, 'a');
    for (let seq = 0; seq < 5000; seq++) {
      ledger.sent(0, { seq, ts: seq, malformed: false, digest: Buffer.alloc(32, seq) });
      if (seq > 0) ledger.acked(0, seq - 1, seq - 1);
    }
    process.kill(process.pid, 'SIGKILL');`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    cwd: path.join(import.meta.dirname, '..'),
  });
  expect(child.signal, child.stderr.toString()).toBe('SIGKILL');
  const book = (await readLedgerFile(file)).bookOf('a');
  expect(book?.length).toBeGreaterThan(3_000);
  expect(book?.isAcked(2_000)).toBe(true);
});

test('a disk that takes no more is reported, not overlooked', () => {
  const module = path.join(import.meta.dirname, 'ledger-file.ts');
  const script = `
    const { LedgerFile } = await import(${JSON.stringify(module)});
    const ledger = new LedgerFile(${JSON.stringify(file)});
    ledger.device(0, 'a');
    for (let seq = 0; seq < 5000; seq++) ledger.sent(0, { seq, ts: seq, malformed: false, digest: Buffer.alloc(32) });
    ledger[Symbol.dispose]();
    await ledger.failed.catch((error) => console.log(error.message));`;
  // Files of at most 16 blocks of 512 bytes; the signal that would end the process is ignored.
  const limited = `trap '' XFSZ; ulimit -f 16; exec "$0" --input-type=module -e "$1"`;
  const child = spawnSync('sh', ['-c', limited, process.execPath, script], {
    cwd: path.join(import.meta.dirname, '..'),
  });
  expect(child.stdout.toString(), child.stderr.toString()).toMatch(/^--ledger: cannot write .*EFBIG/);
});
