import type { FuzzSource } from './fuzz-source.ts';
import { mutate } from './mutate.ts';

const PATHS: readonly [string, ...string[]] = [
  '/healthz',
  '/readyz',
  '/metrics',
  '/api/accounting',
  '/api/devices',
  '/api/devices?silent-for=-1',
  '/api/devices/x/readings?limit=99999999999999999999',
  '/api/devices/%00/readings',
  '/api/devices/..%2f..%2f/readings',
  '/%',
  `/${'a'.repeat(20_000)}`,
];
const METHODS: readonly [string, ...string[]] = ['GET', 'GET', 'GET', 'POST', 'OPTIONS', 'TRACE', 'X'];

export const HTTP_REQUESTS: FuzzSource = {
  name: 'http-requests',
  port: ({ httpPort }) => httpPort,
  *connection(random) {
    for (let left = 1 + random.below(10); left > 0; left--) {
      const body = random.chance(0.2) ? 'x'.repeat(random.below(2_000)) : '';
      const length = random.chance(0.9) ? body.length : random.below(1_000_000);
      const request = Buffer.from(
        `${random.pick(METHODS)} ${random.pick(PATHS)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n${body}`,
      );
      yield random.chance(0.8) ? request : mutate(request, random);
    }
  },
};
