import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startThread } from './start-thread.ts';

test('V8 knows the flag that keeps it from ending the process when threads come and go', () => {
  const flag = /setFlagsFromString\('--([a-z-]+)=/.exec(
    readFileSync(new URL('./start-thread.ts', import.meta.url), 'utf8'),
  );
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  expect(known).toContain(`--${flag?.[1]} `);
});

test('a thread begins with none of the flags of its process', async () => {
  const script = `import { parentPort } from 'node:worker_threads'; parentPort.postMessage(process.execArgv);`;
  const thread = startThread(new URL(`data:text/javascript,${script}`), { name: 'test' });
  const ended = once(thread, 'exit');
  expect((await once(thread, 'message'))[0]).toEqual([]);
  await ended;
});
