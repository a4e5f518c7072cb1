import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { expect, test } from 'vitest';

test.skipIf(process.platform !== 'linux')('a full disk behind standard output ends no process', () => {
  const program = `
    import { createLogger } from '${new URL('./logger.ts', import.meta.url)}';
    const log = createLogger({ name: 'test', level: 'info' });
    for (let i = 0; i < 20_000; i++) log.info({ i }, 'a line of a log that nobody can keep');
    process.stderr.write('still here, ' + (process.memoryUsage().rss < 250e6 ? 'not larger' : 'larger'));`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    stdio: ['ignore', openSync('/dev/full', 'w'), 'pipe'],
    encoding: 'utf8',
  });
  expect(stderr).toBe('still here, not larger');
  expect(status).toBe(0);
});
