import { isIPv6 } from 'node:net';

/**
 * Whom an address stands for, as limits and bans count: an IPv4 address, also one written as IPv6; of an IPv6 address
 * the network of 64 bits, which is what a single subscriber gets to choose from.
 *
 * @param address of the other end of a connection; `undefined` = it is gone already.
 */
export function sourceOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const plain = address.replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const groups = groupsOf(plain);
  return groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff'
    ? groups.slice(6).map(bytesOf).join('.')
    : `${groups.slice(0, 4).join(':')}::/64`;
}

/** All eight, each without leading zeros. */
function groupsOf(address: string): string[] {
  const [before = '', after] = address
    .toLowerCase()
    .replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...bytes) => `${groupOf(bytes, 0)}:${groupOf(bytes, 2)}`)
    .split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? [] : (Array(8 - head.length - tail.length).fill('0') as string[]);
  return [...head, ...zeros, ...tail].map((group) => group.replace(/^0+(?=.)/, ''));
}

/** Of two bytes, written as decimal numbers. */
function groupOf(bytes: readonly string[], at: number): string {
  return (256 * Number(bytes[at]) + Number(bytes[at + 1])).toString(16);
}

function bytesOf(group: string): string {
  const value = Number.parseInt(group, 16);
  return `${value >> 8}.${value & 0xff}`;
}
