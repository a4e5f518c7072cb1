import { isIPv6 } from 'node:net';

/**
 * Whom an address stands for, as limits and bans count: an IPv4 address, also one written as IPv6; of an IPv6 address
 * the network of 64 bits, which is what a single subscriber gets to choose from.
 *
 * @param address of the other end of a connection; `undefined` = it is gone already.
 */
export function sourceOf(address: string | undefined): string {
  if (address === undefined) return 'unknown';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const plain = address.replace(/%.*$/, '');
  return isIPv6(plain) ? `${networkOf(plain)}::/64` : plain;
}

/** The first four groups, each without leading zeros. */
function networkOf(address: string): string {
  const [before = '', after] = address.toLowerCase().split('::');
  const groups = before === '' ? [] : before.split(':');
  // An IPv4 tail counts as two groups, and cannot reach into the first four.
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const tailLength = tail.length + (tail.at(-1)?.includes('.') ? 1 : 0);
  if (after !== undefined) groups.push(...Array(8 - groups.length - tailLength).fill('0'), ...tail);
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
