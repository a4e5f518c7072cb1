import { describe, expect, test } from 'vitest';
import { utf8Text } from '#runtime/read-text.ts';

describe('text that people wrote', () => {
  test('is taken without the mark that Windows puts before it', () => {
    expect(utf8Text(Buffer.from('\uFEFFgrün\r\n'))).toBe('grün\r\n');
    expect(utf8Text(Buffer.alloc(0))).toBe('');
  });

  test.each([
    ['Latin-1, in its line', Buffer.from('one\ntwo\ngr\xfcn', 'latin1'), 'line 3 is not UTF-8 text'],
    ['a cut character', Buffer.from('grün').subarray(0, 3), 'line 1 is not UTF-8 text'],
    ['UTF-16 of a small machine', Buffer.from('\uFEFFid', 'utf16le'), 'it is UTF-16 text, expected UTF-8'],
    [
      'UTF-16 of a large one',
      Buffer.from('\uFEFFid', 'utf16le').swap16(),
      'it is UTF-16 text, expected UTF-8',
    ],
  ])('[P10] %s is told, not decoded into something else', (_, bytes, told) => {
    expect(() => utf8Text(bytes)).toThrow(told);
  });
});
