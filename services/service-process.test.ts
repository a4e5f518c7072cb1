import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { isAlive } from './process-identity.ts';
import { startService } from './service-process.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'service-test-'));
});

afterEach(async () => {
  await rm(folder, { recursive: true });
});

const shell = (script: string) => ({
  name: 'echo-service',
  command: 'sh',
  args: ['-c', script],
  logFile: join(folder, 'service.log'),
  isReady: async (log: () => Promise<string>) => (await log()).includes('serving'),
});

test('a service is killed, started again under a new identity, and stopped; all runs share the log', async () => {
  const service = await startService(shell('echo serving; exec sleep 60'));
  const firstRun = service.identity;
  await service.kill();
  expect(service.running).toBe(false);

  await service.start();
  expect(service.identity).not.toEqual(firstRun);
  await service.stop();
  expect(isAlive(service.identity)).toBe(false);
  expect(await readFile(service.logFile, 'utf8')).toBe('serving\nserving\n');
});

test('a service that ends while starting shows the end of its log', async () => {
  await expect(startService(shell('echo port taken; exit 1'))).rejects.toThrow(
    /echo-service ended while starting.*\nport taken$/,
  );
});

test('a service that never serves is ended after its time', async () => {
  let pid = 0;
  const options = {
    ...shell('echo waiting; exec sleep 60'),
    startTimeoutMs: 2_000,
    keepRunning: (started: { pid: number }) => {
      pid = started.pid;
    },
  };
  await expect(startService(options)).rejects.toThrow(/did not serve within 2 s.*\nwaiting$/);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('a program that is not there is named', async () => {
  await expect(startService({ ...shell(''), command: 'no-such-program' })).rejects.toThrow('no-such-program');
});
