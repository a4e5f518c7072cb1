// First: an older Node fails every test with what it cannot parse, and says nothing about why.
import './runtime/require-node-24.mjs';
import { defineConfig } from 'vitest/config';

// Three kinds of test, told apart by their names: `*.test.ts` needs Node alone, `*.real.test.ts` needs real Kafka,
// InfluxDB or Prometheus (started by the set-up, or skipped with the reason), `*.faults.test.ts` kills and freezes
// processes and takes minutes (`npm run test:faults`). Their time-outs end what hangs; no test is decided by one.
const exclude = ['**/node_modules/**', '**/data/**'];

export default defineConfig({
  test: {
    reporters: ['default'],
    projects: [
      {
        test: {
          name: 'unit',
          include: ['**/*.test.ts'],
          exclude: [...exclude, '**/*.real.test.ts', '**/*.faults.test.ts'],
          testTimeout: 300_000,
          hookTimeout: 120_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'real',
          include: ['**/*.real.test.ts'],
          exclude,
          globalSetup: ['./services/vitest-global-setup.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'faults',
          include: ['**/*.faults.test.ts'],
          exclude,
          globalSetup: ['./services/vitest-global-setup.ts'],
          testTimeout: 600_000,
          hookTimeout: 180_000,
          maxWorkers: 1,
        },
      },
    ],
  },
});
