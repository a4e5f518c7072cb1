import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  endProcess,
  identifyProcess,
  isAlive,
  type ProcessIdentity,
  signalProcess,
  waitForEnd,
} from './process-identity.ts';

let identity: ProcessIdentity;
let end: () => boolean;

beforeEach(async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  end = () => child.kill('SIGKILL');
  const found = identifyProcess(child.pid ?? -1);
  if (found === undefined) throw new Error('a process that was just started has no identity');
  identity = found;
});

afterEach(() => {
  end();
});

test('a process is alive under its identity, and gone after its end', async () => {
  expect(isAlive(identity)).toBe(true);
  signalProcess(identity, 'SIGKILL');
  expect(await waitForEnd(identity, 60_000)).toBe(true);
  expect(identifyProcess(identity.pid)).toBeUndefined();
  expect(signalProcess(identity, 'SIGKILL')).toBe(false);
});

test('a recycled id is not the process that was remembered: no signal reaches it', async () => {
  const remembered = { pid: identity.pid, startTime: 'of an earlier process' };
  expect(isAlive(remembered)).toBe(false);
  expect(signalProcess(remembered, 'SIGKILL')).toBe(false);
  await endProcess(remembered, 0);
  expect(isAlive(identity)).toBe(true);
});

test('a frozen process is ended by TERM within the grace', async () => {
  signalProcess(identity, 'SIGSTOP');
  await endProcess(identity, 60_000);
  expect(isAlive(identity)).toBe(false);
});
