import { describe, expect, it } from 'vitest';
import { type AccessRequest, judgeAccess } from './acl.ts';

const NAMES = ['dev-1', 'dev-2', 'DEV-1', '', '..', 'dev/1', '#', '__proto__', 'x'.repeat(65)];
const OPTIONAL_NAMES = [undefined, ...NAMES];
const TOPICS = [
  'devices/dev-1/telemetry',
  'devices/dev-2/telemetry',
  'devices/DEV-1/telemetry',
  'devices/__proto__/telemetry',
  'devices/../telemetry',
  'devices//telemetry',
  'devices/+/telemetry',
  'devices/dev-1/telemetry/',
  '/devices/dev-1/telemetry',
  'devices/dev-1/telemetry\0',
  'devices/dev-1/status',
  'devices/#',
  'zigbee2mqtt/lamp',
  'zigbee2mqtt',
  'zigbee2mqtt/kitchen/lamp',
  '$SYS/broker/uptime',
  '#',
  '',
];
const FORWARDS: readonly (readonly string[])[] = [[], ['zigbee2mqtt/#'], ['devices/+/telemetry'], ['#']];

/** Every combination of who, what and where; so many that a rule that holds for some cannot hold by chance for all. */
function* combinations(): Generator<AccessRequest> {
  for (const clientId of NAMES)
    for (const username of OPTIONAL_NAMES)
      for (const certificateName of OPTIONAL_NAMES)
        for (const action of ['publish', 'subscribe'] as const)
          for (const topic of TOPICS)
            for (const forwards of FORWARDS)
              yield { clientId, username, certificateName, action, topic, forwards };
}

/** The names of the list that are device ids, written down and not computed. */
const DEVICE_IDS = new Set(['dev-1', 'dev-2', 'DEV-1', '__proto__']);
/** By hand: the topics of the list that a filter of the list means. */
const MEANT: Readonly<Record<string, readonly string[]>> = {
  'zigbee2mqtt/#': ['zigbee2mqtt/lamp', 'zigbee2mqtt', 'zigbee2mqtt/kitchen/lamp'],
  'devices/+/telemetry': [
    'devices/dev-1/telemetry',
    'devices/dev-2/telemetry',
    'devices/DEV-1/telemetry',
    'devices/__proto__/telemetry',
    'devices/../telemetry',
    'devices//telemetry',
  ],
  '#': TOPICS.filter((topic) => topic !== '' && !/[#+\p{Cc}]|^\$/u.test(topic)),
};

describe('access [P9]', () => {
  it('of every combination of id, user, certificate, action, topic and rights', () => {
    const counts = { own: 0, forwarded: 0, denied: 0 };
    for (const request of combinations()) {
      const { clientId, username, certificateName, action, topic, forwards } = request;
      const oneDevice =
        DEVICE_IDS.has(clientId) &&
        [undefined, clientId].includes(username) &&
        [undefined, clientId].includes(certificateName);
      let expected: 'own' | 'forwarded' | 'denied' = 'denied';
      if (oneDevice && action === 'publish') {
        if (forwards.some((filter) => MEANT[filter]?.includes(topic))) expected = 'forwarded';
        if (topic === `devices/${clientId}/telemetry`) expected = 'own';
      }
      const access = judgeAccess(request);
      if (access !== expected) expect([request, access]).toEqual([request, expected]);
      counts[access]++;
    }
    const total = NAMES.length * OPTIONAL_NAMES.length ** 2 * 2 * TOPICS.length * FORWARDS.length;
    expect(total).toBeGreaterThan(100_000);
    // 4 devices × 4 ways to say so × 4 sets of rights on one topic each; the rest of what is allowed is forwarded.
    expect(counts).toEqual({ own: 64, forwarded: 16 * (3 + (6 - 1) + (12 - 1)), denied: total - 64 - 304 });
  });
});
