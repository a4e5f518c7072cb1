import { expect, test } from 'vitest';
import { similarName } from '#runtime/similar-name.ts';
import { VARIABLES } from '#runtime/variables.ts';

test.each([
  ['MQTT_PROT', 'MQTT_PORT'],
  ['TELEMETRY_RETENTION_HOUR', 'TELEMETRY_RETENTION_HOURS'],
  ['DEVICE_CREDENTAILS_FILES', 'DEVICE_CREDENTIALS_FILE'],
  ['MAPPING', 'MAPPINGS'],
  ['DATADIR', 'DATA_DIR'],
  ['SCHEMA_DRI', 'SCHEMA_DIR'],
])('%s is probably %s', (typed, meant) => {
  expect(similarName(typed, Object.keys(VARIABLES))).toBe(meant);
});

// What shells, Kubernetes, npm and proxies set, and what is another word.
test.each([
  'PATH',
  'HOME',
  'HTTP_PROXY',
  'NO_PROXY',
  'COLUMNS',
  'HOSTNAME',
  'NODE_ENV',
  'LOGNAME',
  'XDG_DATA_DIRS',
  'KAFKA_PORT',
])('%s is no slip', (name) => {
  expect(similarName(name, Object.keys(VARIABLES))).toBeUndefined();
});
