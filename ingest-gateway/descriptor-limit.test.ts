import { expect, test } from 'vitest';
import { openFilesLimit, withinDescriptors } from './descriptor-limit.ts';
import { gatewayLimits } from './gateway-limits.ts';

const limits = gatewayLimits({ connections: 10_000, reservedConnections: 1_000 });

test.each([
  ['plenty', 65_536, 10_000, 1_000],
  ['not known', undefined, 10_000, 1_000],
  ['just enough', 11_200, 10_000, 1_000],
  ['4096, of old systems', 4_096, 3_542, 354],
  ['1024', 1_024, 750, 74],
  ['very few', 256, 117, 11],
])(
  '[P6] devices leave descriptors to files, HTTP, log and store: %s',
  (_, openFiles, connections, reserved) => {
    expect(withinDescriptors(limits, openFiles)).toEqual({
      ...limits,
      connections,
      reservedConnections: reserved,
    });
  },
);

test.runIf(process.platform === 'linux')('the limit of this process is known', () => {
  expect(openFilesLimit()).toBeGreaterThan(0);
});
