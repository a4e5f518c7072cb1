import { spawnSync } from 'node:child_process';
import { openSync } from 'node:fs';
import { expect, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';

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

test('[P10] what a client may be called does nothing to a terminal, and is the same JSON', () => {
  const lines: string[] = [];
  const log = createLogger({ name: 'test', level: 'info' }, { write: (line) => void lines.push(line) });
  const deviceId = 'a\u001b[31m\u007f\u009b31m\u0085\u202e\u2066\u200b\ufeff\u2028\u{e0041}é🌡';
  log.warn({ deviceId }, deviceId);
  expect(lines).toHaveLength(1);
  expect(lines[0]?.trimEnd()).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u);
  expect(lines[0]).toContain('é🌡');
  expect(JSON.parse(lines[0] as string)).toMatchObject({ deviceId, msg: deviceId });
});
