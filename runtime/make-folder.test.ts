import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFolder } from '#runtime/make-folder.ts';

let folder: string;
const inFolder = (...names: string[]): string => path.join(folder, ...names);
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'make-folder-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('makeFolder', () => {
  it('makes what is missing, and leaves what is there', () => {
    makeFolder(inFolder('a', 'b', 'c'));
    expect(statSync(inFolder('a', 'b', 'c')).isDirectory()).toBe(true);
    expect(statSync(inFolder('a', 'b', 'c')).mode & 0o777).toBe(0o700);
    writeFileSync(inFolder('a', 'b', 'kept'), '');
    makeFolder(inFolder('a', 'b'));
    makeFolder(path.relative(process.cwd(), inFolder('a', 'relative')));
    expect(existsSync(inFolder('a', 'b', 'kept'))).toBe(true);
    expect(statSync(inFolder('a', 'relative')).isDirectory()).toBe(true);
  });

  it('takes a link to a folder for one', () => {
    symlinkSync(folder, inFolder('link'));
    makeFolder(inFolder('link', 'below'));
    expect(existsSync(inFolder('below'))).toBe(true);
  });

  it('[P10] names what is in the way', () => {
    writeFileSync(inFolder('file'), '');
    symlinkSync(inFolder('nothing'), inFolder('dangling'));
    expect(() => makeFolder(inFolder('file'))).toThrow(
      `EEXIST: file already exists, mkdir '${inFolder('file')}'`,
    );
    expect(() => makeFolder(inFolder('file', 'a'))).toThrow(inFolder('file'));
    expect(() => makeFolder(inFolder('dangling'))).toThrow(inFolder('dangling'));
  });

  it.runIf(process.platform === 'linux')('[P10] comes to an end where a folder cannot be made', () => {
    // In a process that can be ended: what must not happen is a loop without a way out.
    const script = `
      const { makeFolder } = await import(process.env.MODULE);
      try { makeFolder('/proc/none/locks'); } catch (error) { console.log(error.message); }`;
    const answer = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
      env: { ...process.env, MODULE: new URL('./make-folder.ts', import.meta.url).href },
      timeout: 120_000,
      killSignal: 'SIGKILL',
      encoding: 'utf8',
    });
    expect(answer).toContain("ENOENT: no such file or directory, mkdir '/proc/none'");
  });
});
