import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startTestGateway } from '#ingest-gateway/testing/test-gateway.ts';

/** Node reads each file once: whoever asks later sees what is changed here. */
const ours = createRequire(import.meta.url);
const ofAedes = createRequire(ours.resolve('aedes'));
const installed: Record<string, { version: string }> = {
  aedes: ofAedes('./package.json'),
  'mqtt-packet': ofAedes('mqtt-packet/package.json'),
  ws: ours('ws/package.json'),
};
const known = Object.entries(installed).map(([name, { version }]) => [name, version] as const);

afterEach(() => {
  for (const [name, version] of known) Object.assign(installed[name] as object, { version });
});

test.each(
  known.flatMap(([name, version]) => ['0.9.9', `${version}-beta.0`, '99.0.0'].map((other) => [name, other])),
)('[P10] the gateway does not start with %s %s', async (name, other) => {
  Object.assign(installed[name as string] as object, { version: other });
  await expect(startTestGateway()).rejects.toMatchObject({
    code: 'configuration',
    message: expect.stringMatching(`^${name} ${other} is installed.* tested with `),
  });
});

test('package.json pins what is asserted, for everybody who uses it', () => {
  const file = path.join(import.meta.dirname, '..', '..', 'package.json');
  const { dependencies, overrides } = JSON.parse(readFileSync(file, 'utf8'));
  expect(dependencies).toMatchObject(Object.fromEntries(known));
  expect(overrides).toMatchObject({ 'mqtt-packet': '$mqtt-packet' });
});
