import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { identifyProcess } from './process-identity.ts';
import { readState, writeState } from './state-file.ts';
import { takeDown } from './up.ts';

let dataDir: string;

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'services-test-'));
});

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

const request = { brokers: 1, only: ['kafka'] };

test('down ends what is recorded and leaves alone a process that only has the same id', async () => {
  const [ours, stranger] = [spawn('sleep', ['60']), spawn('sleep', ['60'])];
  try {
    await Promise.all([once(ours, 'spawn'), once(stranger, 'spawn')]);
    const identity = identifyProcess(ours.pid ?? -1) ?? { pid: -1, startTime: '' };
    const recycled = { pid: stranger.pid ?? -1, startTime: 'of an earlier process' };
    await writeState(dataDir, {
      request,
      processes: [
        { name: 'kafka-0', identity, logFile: '' },
        { name: 'influxdb', identity: recycled, logFile: '' },
      ],
    });

    expect(await takeDown(dataDir, { deleteData: false })).toEqual(['kafka-0']);

    expect(identifyProcess(identity.pid)).toBeUndefined();
    expect(identifyProcess(recycled.pid)).toBeDefined();
    expect(await readState(dataDir)).toBeUndefined();
  } finally {
    ours.kill('SIGKILL');
    stranger.kill('SIGKILL');
  }
});

test('only its owner may read the state, which holds the admin token', async () => {
  await writeState(dataDir, { request, processes: [] });
  expect((await stat(join(dataDir, 'running.json'))).mode & 0o077).toBe(0);
});

test('down may delete the data; without any it has nothing to do', async () => {
  expect(await takeDown(dataDir, { deleteData: true })).toEqual([]);
  expect(existsSync(dataDir)).toBe(false);
  expect(await takeDown(dataDir, { deleteData: false })).toEqual([]);
});
