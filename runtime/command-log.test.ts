import { expect, test } from 'vitest';
import { createCommandLog } from '#runtime/command-log.ts';

function logged(env: Record<string, string> = {}) {
  const lines: string[] = [];
  return { lines, log: createCommandLog('dlq', env, { write: (text) => lines.push(text) }) };
}

test('a command tells its person in a line of text what is wrong, and no more', () => {
  const { lines, log } = logged();
  log.info('event log opened');
  log.child({ part: 'event-log' }).warn({ broker: '127.0.0.1:1', attempts: 3 }, 'no answer');
  log.error('gone');
  expect(lines).toEqual(['warn: no answer (broker 127.0.0.1:1, attempts 3)\n', 'error: gone\n']);
});

test('LOG_LEVEL asks for more, or less; a word that is none changes nothing', () => {
  for (const [level, count] of [
    ['info', 2],
    ['silent', 0],
    ['loud', 1],
  ] as const) {
    const { lines, log } = logged({ LOG_LEVEL: level });
    log.info('opened');
    log.error('gone');
    expect(lines, level).toHaveLength(count);
  }
});

test('what a device wrote cannot recolour the terminal, or begin a line of its own', () => {
  const { lines, log } = logged();
  log.warn({ device: '\u001b[31mred\nerror: all is lost' }, 'refused');
  expect(lines).toEqual(['warn: refused (device \\u{1b}[31mred\\nerror: all is lost)\n']);
});
