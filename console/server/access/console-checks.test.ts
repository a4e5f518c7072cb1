import { expect, test } from 'vitest';
import { readConfiguration } from '#runtime/configuration.ts';
import { consoleProtected } from './console-checks.ts';

const problems = async (env: Record<string, string>): Promise<string> =>
  readConfiguration(env, () => 'correct horse battery', [consoleProtected]).then(
    () => '',
    (error: Error) => error.message,
  );
const EVERYWHERE = { HTTP_HOST: '0.0.0.0' };

test('[P9] beyond loopback the console needs a password, whatever else is allowed', async () => {
  for (const env of [EVERYWHERE, { ...EVERYWHERE, HTTP_OPEN: 'insecure-network-allowed' }])
    expect(await problems(env)).toMatch(
      /^CONSOLE_PASSWORD: expected a password of at least 12 characters, because/m,
    );
});

test.each([
  ['loopback', {}],
  ['a password', { ...EVERYWHERE, CONSOLE_PASSWORD: 'correct horse battery' }],
  ['a password in a file', { ...EVERYWHERE, CONSOLE_PASSWORD_FILE: '/run/secrets/console' }],
  ['a token', { ...EVERYWHERE, HTTP_TOKEN: 'a-token-of-a-program' }],
  ['no console', { ...EVERYWHERE, HTTP_OPEN: 'insecure-network-allowed', CONSOLE: 'off' }],
])('with %s nothing is wrong', async (_, env) => {
  expect(await problems(env)).toBe('');
});

test('[P10] all that is wrong is told at once', async () => {
  const told = await problems({
    ...EVERYWHERE,
    CONSOLE_TARGETS: 'gateway-1',
    CONSOLE: 'yes',
    LOG_LEVEL: 'loud',
  });
  for (const name of ['CONSOLE_TARGETS', 'CONSOLE', 'LOG_LEVEL', 'HTTP_TOKEN'])
    expect(told).toMatch(new RegExp(`^${name}: expected`, 'm'));
});
