import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceIdOfTopic, isDeviceId, telemetryTopic } from '#contract/device-topic.ts';

const deviceId = fc.stringMatching(/^[A-Za-z0-9._:-]{1,64}$/).filter((id) => id !== '.' && id !== '..');

describe('device topics', () => {
  it('finds the device of every topic that it makes', () => {
    fc.assert(fc.property(deviceId, (id) => deviceIdOfTopic(telemetryTopic(id)) === id));
  });

  it.each([
    '',
    'devices//telemetry',
    'devices/a/b/telemetry',
    'devices/./telemetry',
    'devices/../telemetry',
    'devices/a/telemetry/',
    '/devices/a/telemetry',
    'devices/a/telemetry\n',
    'devices/+/telemetry',
    'devices/#',
    'devices/ä/telemetry',
    'devices/a\u0000/telemetry',
    `devices/${'x'.repeat(65)}/telemetry`,
    '$SYS/x/new/clients',
  ])('[P9] %j belongs to no device', (topic) => {
    expect(deviceIdOfTopic(topic)).toBeUndefined();
  });

  it('[P9] no accepted id can leave its topic level or a line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => !isDeviceId(text) || !/[/+#\s$]/.test(text)),
    );
  });
});
