import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { admit } from '#contract/admission.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { nextSteps, type RunningAt } from '#standalone/next-steps.ts';

const usual: RunningAt = {
  mqttPort: 1883,
  httpPort: 8080,
  settings: { mqtt: { allowAnonymous: true }, shippedSchemas: true, console: { isOn: true } },
  env: { PATH: '/usr/bin' },
};

test('a newcomer can copy a command that publishes, and those that find what became of it', () => {
  const text = nextSteps(usual);
  expect(text).toContain('Try it from another terminal:\n');
  expect(text).toMatch(/mosquitto_pub -q 1 -i dev-1 \\\n {2}-t devices\/dev-1\/telemetry \\\n {2}-m '/);
  expect(text).toContain('curl -s http://127.0.0.1:8080/api/devices/dev-1/readings\n');
  expect(text).toContain('http://127.0.0.1:8080/ shows all of it in a browser.\n');
  for (const command of ['trace -- dev-1 0', 'dlq -- list', 'devices -- status'])
    expect(text).toContain(`npm run ${command} `);
});

test('what is copied there is a reading that is accepted', () => {
  const [, lines = ''] = /^ {2}(ts=[\s\S]*?'\$values'}')$/m.exec(nextSteps(usual)) ?? [];
  const last = 'mosquitto_pub() { for word; do :; done; printf %s "$word"; }';
  const payload = execFileSync('sh', ['-euc', `${last}\n${lines}`]);
  const { accepted, rejects } = admit(payload, Date.now(), loadSchemas());
  expect([accepted?.count, rejects]).toEqual([1, []]);
});

test('names what is not as usual: ports, a login, the environment, but no secret of it', () => {
  const text = nextSteps({
    ...usual,
    mqttPort: 2883,
    settings: { ...usual.settings, mqtt: { allowAnonymous: false } },
    env: { DATA_DIR: '/srv/data', HTTP_TOKEN: 'a-secret-of-somebody' },
  });
  expect(text).toContain('with the same DATA_DIR, HTTP_TOKEN:');
  expect(text).toContain('mosquitto_pub -q 1 -p 2883 -i dev-1 -u dev-1 -P PASSWORD ');
  expect(text).toContain('npm run devices -- add dev-1 ');
  expect(text).not.toContain('a-secret');
});

test('proposes nothing that cannot work: no plain MQTT, no shipped types', () => {
  expect(nextSteps({ ...usual, mqttPort: undefined })).not.toContain('mosquitto_pub');
  const ownTypes = { ...usual.settings, shippedSchemas: false };
  expect(nextSteps({ ...usual, settings: ownTypes })).not.toContain('mosquitto_pub');
});

test('fits a terminal of 80 columns', () => {
  const everything = Object.fromEntries(['DATA_DIR', 'HTTP_PORT', 'MQTT_PORT'].map((name) => [name, 'x']));
  for (const env of [{}, everything]) {
    const text = nextSteps({
      mqttPort: 61_883,
      httpPort: 65_535,
      settings: { ...usual.settings, mqtt: { allowAnonymous: false } },
      env,
    });
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
  }
});
