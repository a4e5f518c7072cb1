import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import { isOnPath, requireTools, run } from './tools.ts';

test('one error names every missing tool, what it is for and how to install it', async () => {
  const tools = [
    { command: 'java', purpose: 'runs Kafka', install: 'apt-get install openjdk-17-jre-headless' },
    { command: 'cc', purpose: 'a C compiler', install: 'apt-get install build-essential' },
    { command: 'mvn', purpose: 'fetches Kafka', install: 'apt-get install maven' },
  ];
  await expect(requireTools(tools, async (command) => command === 'cc')).rejects.toThrow(
    'Missing on this machine:\n' +
      '  java (runs Kafka): apt-get install openjdk-17-jre-headless\n' +
      '  mvn (fetches Kafka): apt-get install maven',
  );
  await expect(requireTools(tools, async () => true)).resolves.toBeUndefined();
});

test('a tool is looked for on the path', async () => {
  expect(await isOnPath('sh')).toBe(true);
  expect(await isOnPath('no-such-tool-anywhere')).toBe(false);
});

test('run gives the output, adds variables, and shows what a failed program said', async () => {
  const cwd = tmpdir();
  expect(await run('sh', ['-c', 'echo "$GREETING"'], { cwd, env: { GREETING: 'hello' } })).toBe('hello\n');
  await expect(run('sh', ['-c', 'echo wrong turn >&2; exit 3'], { cwd })).rejects.toThrow(
    /exit code 3.*\nwrong turn/,
  );
});
