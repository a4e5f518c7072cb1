import { describe, expect, test } from 'vitest';
import { firstInvalidByte, hexLines, textLines, textOf } from './payload-text.ts';

describe('payloads for people', () => {
  test('text is text, bytes are none', () => {
    expect(textOf(Buffer.from('21,5 °C'))).toBe('21,5 °C');
    expect(textOf(Buffer.from([0xc3]))).toBeUndefined();
  });

  test('the first byte that is not UTF-8', () => {
    expect(firstInvalidByte(Buffer.from('caf\u00e9 \ufffd'))).toBeUndefined();
    expect(firstInvalidByte(Buffer.concat([Buffer.from('é\ufffd'), Buffer.from([0xe9, 0x41])]))).toBe(5);
    expect(firstInvalidByte(Buffer.from([0x41, 0xc3]))).toBe(1);
  });

  test('lines stay lines, and nothing else gets through', () => {
    expect(textLines('a\r\nb\u001b[2J\nc')).toEqual(['a', 'b\\u{1b}[2J', 'c']);
  });

  test('a hex dump has offset, bytes and ASCII', () => {
    const lines = hexLines(Buffer.from('0123456789abcdef\u001b[2J'));
    expect(lines).toEqual([
      '000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef',
      `000010  1b 5b 32 4a ${' '.repeat(36)} .[2J`,
    ]);
    expect(hexLines(Buffer.alloc(0))).toEqual([]);
  });
});
