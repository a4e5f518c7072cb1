import { describe, expect, it } from 'vitest';
import { Forwarding, type ForwardingRight } from './forwarding.ts';
import { judgePublish } from './publish-access.ts';

const DEVICES = ['dev-1', 'dev-2', 'DEV-1', '__proto__', 'constructor', 'a:b'];
const TOPICS = [
  ...DEVICES.map((id) => `devices/${id}/telemetry`),
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
const RIGHTS: readonly ForwardingRight[] = [
  { kind: 'own' },
  { kind: 'any', maxDevices: 2 },
  { kind: 'topics', filters: [], maxDevices: 2 },
  { kind: 'topics', filters: ['zigbee2mqtt/#'], maxDevices: 2 },
  { kind: 'topics', filters: ['zigbee2mqtt/+', 'devices/+/telemetry'], maxDevices: 2 },
  { kind: 'topics', filters: ['#'], maxDevices: 2 },
];
/** By hand: the topics of the list that a filter of the list means. */
const MEANT: Readonly<Record<string, (topic: string) => boolean>> = {
  'zigbee2mqtt/#': (topic) => /^zigbee2mqtt(\/|$)/.test(topic),
  'zigbee2mqtt/+': (topic) => topic === 'zigbee2mqtt/lamp',
  'devices/+/telemetry': (topic) => /^devices\/[^/+]*\/telemetry$/.test(topic),
  '#': (topic) => topic !== '' && !/[#+\p{Cc}]|^\$/u.test(topic),
};

describe('who may publish where [P9]', () => {
  it('of every combination of device, topic, right and mappings', () => {
    const counts = { own: 0, mapped: 0, foreign: 0 };
    for (const device of DEVICES)
      for (const topic of TOPICS)
        for (const right of RIGHTS)
          for (const mapsTopics of [false, true]) {
            let expected: keyof typeof counts = 'foreign';
            const allowed = right.kind !== 'topics' || right.filters.some((filter) => MEANT[filter]?.(topic));
            if (mapsTopics && allowed) expected = 'mapped';
            if (topic === `devices/${device}/telemetry`) expected = 'own';
            const access = judgePublish(topic, `devices/${device}/telemetry`, right, mapsTopics);
            if (access !== expected)
              expect([device, topic, right, access]).toEqual([device, topic, right, expected]);
            counts[access]++;
          }
    const total = DEVICES.length * TOPICS.length * RIGHTS.length * 2;
    expect(total).toBeGreaterThan(1_000);
    expect(counts.own).toBe(DEVICES.length * RIGHTS.length * 2);
    expect(counts.own + counts.mapped + counts.foreign).toBe(total);
  });

  it('and for whom: itself always, others by right and up to a number, nobody twice', () => {
    for (const right of RIGHTS)
      for (const client of DEVICES) {
        const forwarding = new Forwarding();
        forwarding.right = right;
        const allowed = DEVICES.filter((device) => forwarding.judge(client, device) === undefined);
        expect(allowed).toContain(client);
        expect(allowed).toHaveLength(right.kind === 'own' ? 1 : 3);
        // Those that were named stay allowed, the others stay refused.
        expect(DEVICES.filter((device) => forwarding.judge(client, device) === undefined)).toEqual(allowed);
      }
  });
});
