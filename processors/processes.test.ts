import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';

/** Everything is shared by default here: nothing of the environment of the tests. */
async function run(main: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, main), ...argv], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exit = once(child, 'exit');
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: (await exit)[0], out, err };
}

const kafka = { KAFKA_BROKERS: '127.0.0.1:1' };
const influx = { INFLUX_URL: 'http://127.0.0.1:1', INFLUX_TOKEN: 't', INFLUX_ORG: 'o', INFLUX_BUCKET: 'b' };

describe('[P10] the processes exit 2 on wrong configuration and say which', () => {
  test.each<[string, string, readonly string[], Readonly<Record<string, string>>, RegExp]>([
    ['processors on nothing shared', 'telemetry-writer', [], {}, /^KAFKA_BROKERS: .*\nINFLUX_URL: /m],
    ['processors with an embedded store', 'telemetry-writer', [], kafka, /^INFLUX_URL: /m],
    [
      'processors, several problems',
      'telemetry-writer',
      [],
      { ...kafka, HTTP_PORT: 'x', STORE_REJECT_ALL: 'y' },
      /^HTTP_PORT: .*^STORE_REJECT_ALL: /ms,
    ],
    ['processors, an unknown option', 'telemetry-writer', ['--once'], {}, /--once/],
    ['the lag monitor without Kafka', 'lag-monitor', [], influx, /^KAFKA_BROKERS: /m],
    ['the lag monitor, --json alone', 'lag-monitor', ['--json'], kafka, /^--json: .*--once/m],
    ['the lag monitor beside nothing', 'lag-monitor', ['--once'], { DATA_DIR: '/nonexistent' }, /DATA_DIR/],
    ['reprocess beside nothing', 'reprocess', ['--since', '1h'], { DATA_DIR: '/nonexistent' }, /DATA_DIR/],
    ['offsets beside nothing', 'offsets', ['--to', 'end'], { DATA_DIR: '/nonexistent' }, /DATA_DIR/],
    ['trace beside nothing', 'trace', ['dev-1', '7'], { DATA_DIR: '/nonexistent' }, /DATA_DIR/],
  ])('%s', async (_, folder, argv, env, message) => {
    const { code, err } = await run(`${folder}/main.ts`, argv, env);
    expect(err).toMatch(message);
    expect(code).toBe(2);
  });

  test.each(['telemetry-writer', 'lag-monitor', 'trace', 'reprocess', 'offsets'])(
    '%s --help explains',
    async (folder) => {
      const { code, out } = await run(`${folder}/main.ts`, ['--help']);
      expect(code).toBe(0);
      expect(out).toContain('Usage: ');
    },
  );
});
