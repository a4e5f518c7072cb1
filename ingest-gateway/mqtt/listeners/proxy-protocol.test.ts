import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseProxyHeader } from './proxy-protocol.ts';

const SIGNATURE = '0d0a0d0a000d0a515549540a';
const hex = (...parts: string[]) => Buffer.from(parts.join(''), 'hex');
const line = (text: string) => Buffer.from(text, 'latin1');

describe('PROXY protocol', () => {
  it.each<[string, Buffer, string | undefined]>([
    ['TCP4', line('PROXY TCP4 192.0.2.7 198.51.100.1 56324 1883\r\n'), '192.0.2.7'],
    ['TCP6', line('PROXY TCP6 2001:db8::7 2001:db8::1 56324 1883\r\n'), '2001:db8::7'],
    ['UNKNOWN', line('PROXY UNKNOWN\r\n'), undefined],
    ['UNKNOWN with anything', line('PROXY UNKNOWN ffff:f...f 1 2\r\n'), undefined],
    ['binary IPv4', hex(SIGNATURE, '2111000c', 'c0000207c6336401', 'dc04075b'), '192.0.2.7'],
    [
      'binary IPv6',
      hex(SIGNATURE, '21210024', `20010db8${'0'.repeat(23)}7`, `20010db8${'0'.repeat(23)}1`, 'dc04075b'),
      '2001:db8:0:0:0:0:0:7',
    ],
    [
      'binary with more than addresses',
      hex(SIGNATURE, '21110010', 'c0000207c6336401', 'dc04075b', '04000100'),
      '192.0.2.7',
    ],
    ['binary LOCAL', hex(SIGNATURE, '20000000'), undefined],
    ['binary of a Unix socket', hex(SIGNATURE, '213100d8', '00'.repeat(216)), undefined],
  ])('%s, in one piece or byte for byte, whatever follows', (_, header, address) => {
    const complete = { kind: 'complete', bytes: header.length, address };
    expect(parseProxyHeader(header)).toEqual(complete);
    expect(parseProxyHeader(Buffer.concat([header, Buffer.from([0x10, 0x0c])]))).toEqual(complete);
    for (let cut = 0; cut < header.length; cut++)
      expect(parseProxyHeader(header.subarray(0, cut))).toEqual({ kind: 'incomplete' });
  });

  it.each<[string, Buffer]>([
    ['CONNECT', hex('100c00044d5154540402003c0000')],
    ['a TLS handshake', hex('1603010200')],
    ['another word', line('PROXI TCP4 ')],
    ['no ports', line('PROXY TCP4 192.0.2.7 198.51.100.1\r\n')],
    ['a port too large', line('PROXY TCP4 192.0.2.7 198.51.100.1 65536 1\r\n')],
    ['an address of the other family', line('PROXY TCP4 2001:db8::7 2001:db8::1 1 1\r\n')],
    ['no address', line('PROXY TCP4 example.com 198.51.100.1 1 1\r\n')],
    ['something behind it', line('PROXY TCP4 192.0.2.7 198.51.100.1 1 1 1\r\n')],
    ['a line without an end', line(`PROXY UNKNOWN ${'x'.repeat(100)}`)],
    ['version 3', hex(SIGNATURE, '3111000c', 'c0000207c6336401', 'dc04075b')],
    ['command 2', hex(SIGNATURE, '2211000c', 'c0000207c6336401', 'dc04075b')],
    ['cut addresses', hex(SIGNATURE, '21110004', 'c0000207')],
    ['a length beyond sense', hex(SIGNATURE, '2111ffff', '00'.repeat(10))],
  ])('[P10] %s is none', (_, bytes) => {
    expect(parseProxyHeader(bytes)).toMatchObject({ kind: 'invalid' });
  });

  it('[P10] any bytes are judged, and none is waited for beyond the longest header', () => {
    const begun = fc.constantFrom(
      Buffer.alloc(0),
      line('PROXY TCP4 '),
      hex(SIGNATURE),
      hex(SIGNATURE, '2111'),
    );
    fc.assert(
      fc.property(begun, fc.uint8Array({ minLength: 2_100, maxLength: 2_200 }), (start, rest) => {
        expect(parseProxyHeader(Buffer.concat([start, rest])).kind).not.toBe('incomplete');
      }),
    );
  });
});
