import { BlockList, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sourceOf } from '#runtime/source-of.ts';
import { BannedNetworks } from './banned-networks.ts';
import type { Ban } from './bans-file.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const ban = (address: string, until?: string): Ban => ({
  address,
  since: '2025-12-31T00:00:00Z',
  until,
  reason: 'by hand',
  by: 'operator',
});
const find = (networks: readonly string[], address: string): string | undefined =>
  new BannedNetworks(networks.map((network) => ban(network))).find(sourceOf(address), NOW)?.address;

describe('banned networks', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['192.0.2.0/24', '192.0.2.255', '192.0.3.0'],
    ['192.0.2.77/24', '192.0.2.1', '192.0.1.77'],
    ['0.0.0.0/0', '203.0.113.9', '2001:db8::1'],
    ['255.255.255.255', '255.255.255.255', '127.255.255.255'],
    ['128.0.0.0/1', '200.1.2.3', '100.1.2.3'],
    ['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'],
    ['2001:db8:1:2::/64', '2001:db8:1:2:ffff::', '2001:db8:1:3::'],
    ['2001:db8::/32', '2001:db8:ffff::', '2001:db9::'],
    ['2001:db8:1:2:3::/96', '2001:db8:1:2:4::', '2001:db8:1:1::'],
    ['::/0', 'ffff::1', '192.0.2.7'],
  ])('%s is %s, and not %s', (network, within, without) => {
    expect(find([network], within)).toBe(network);
    expect(find([network], without)).toBeUndefined();
  });

  it.each([
    ['::ffff:192.0.2.7', '192.0.2.7', '192.0.2.8'],
    ['::ffff:c000:207', '192.0.2.7', '203.0.113.9'],
    ['::ffff:192.0.2.0/120', '192.0.2.99', '192.0.3.1'],
    ['::ffff:192.0.2.0/64', '::1', '192.0.2.1'],
  ])('[P9] IPv4 written as IPv6, %s, is %s, and not everybody: not %s', (network, within, without) => {
    expect(find([network], within)).toBe(network);
    expect(find([network], without)).toBeUndefined();
  });

  it('is over when it says so, also beside another one of the same network', () => {
    const over = ban('192.0.2.7', '2025-12-31T23:59:59Z');
    expect(new BannedNetworks([over]).find('192.0.2.7', NOW)).toBeUndefined();
    const both = new BannedNetworks([over, ban('192.0.2.7/32')]);
    expect(both.find('192.0.2.7', NOW)?.address).toBe('192.0.2.7/32');
  });

  it('nobody is nowhere', () => {
    expect(find(['0.0.0.0/0', '::/0'], 'unknown')).toBeUndefined();
    expect(find([], '192.0.2.7')).toBeUndefined();
  });

  it('are those that Node means by them', () => {
    const v4 = fc.ipV4();
    const v6 = fc.ipV6().filter((address) => !sourceOf(address).includes('.'));
    const network = fc.oneof(
      fc.tuple(v4, fc.integer({ min: 0, max: 32 })),
      fc.tuple(v6, fc.integer({ min: 0, max: 64 })),
    );
    fc.assert(
      fc.property(fc.array(network, { maxLength: 5 }), fc.oneof(v4, v6), (networks, address) => {
        const source = sourceOf(address).replace('/64', '');
        const expected = networks.some(([base, length]) => {
          if (isIPv6(base) !== isIPv6(source)) return false;
          const list = new BlockList();
          list.addSubnet(base, length, isIPv6(base) ? 'ipv6' : 'ipv4');
          return list.check(source, isIPv6(source) ? 'ipv6' : 'ipv4');
        });
        const names = networks.map(([base, length]) => `${base}/${length}`);
        expect(find(names, address) !== undefined).toBe(expected);
      }),
    );
  });
});
