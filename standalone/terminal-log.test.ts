import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { terminalLog } from '#standalone/terminal-log.ts';

function logged(
  env: Readonly<Record<string, string>>,
  log: (logger: ReturnType<typeof createLogger>) => void,
) {
  const lines: string[] = [];
  const stdout = Object.assign(new PassThrough(), { isTTY: true });
  const output = { write: (text: string) => void lines.push(text) };
  log(createLogger({ name: 'standalone', level: 'info' }, terminalLog({ stdout, env }, output)));
  return lines.join('');
}

test('a person reads lines, coloured unless NO_COLOR is set', () => {
  const log = (logger: ReturnType<typeof createLogger>) =>
    logger.info({ device: 'dev-1' }, 'device connected');
  expect(logged({ NO_COLOR: '1' }, log)).toMatch(
    /^\[\d\d:\d\d:\d\d\] INFO: device connected \{"device":"dev-1"\}\n$/,
  );
  expect(logged({}, log)).toContain('\u001b[32mINFO');
});

test('what a device wrote does nothing to the terminal, in fields, in words, and in errors', () => {
  const hostile = '\u001b]0;owned\u0007\u009b31m\u202e';
  const text = logged({ NO_COLOR: '1' }, (logger) => {
    logger.warn({ clientId: hostile, nested: { list: [hostile] } }, hostile);
    logger.error({ err: new Error(hostile) }, 'failed');
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what must not be there
  expect(text).not.toMatch(/[\u001b\u0007\u009b\u202e]/);
  expect(text).toContain('at ');
});
