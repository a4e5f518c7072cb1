import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, test } from 'vitest';

// What a parser of mqtt-packet does with one PINGREQ, and whether its `debug` was asked anything.
const SCRIPT = `
  const { parser } = require('mqtt-packet');
  const cmds = [];
  const it = parser();
  it.on('packet', ({ cmd }) => cmds.push(cmd));
  it.parse(Buffer.of(0xc0, 0));
  console.log(cmds.join(), require('debug')('mqtt-packet:parser').enabled);
`;

function run(env: Readonly<Record<string, string>>): { stdout: string; stderr: string } {
  const preloaded = path.join(import.meta.dirname, 'without-debug.mjs');
  const errors = '2>&1 >/dev/null';
  const command = (rest: string) =>
    execFileSync('sh', ['-c', `"$0" --import "$1" -e "$2" ${rest}`, process.execPath, preloaded, SCRIPT], {
      encoding: 'utf8',
      cwd: path.join(import.meta.dirname, '..'),
      env: { PATH: process.env['PATH'], ...env },
    });
  return { stdout: command('2>/dev/null'), stderr: command(errors) };
}

test('the parser is never asked what it does, and works', () => {
  expect(run({})).toEqual({ stdout: 'pingreq false\n', stderr: '' });
});

test('whoever sets DEBUG is told', () => {
  const { stdout, stderr } = run({ DEBUG: 'mqtt-packet:*' });
  expect(stdout).toBe('pingreq true\n');
  expect(stderr).toContain('_newPacket');
});
