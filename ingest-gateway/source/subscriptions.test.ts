import { expect, it } from 'vitest';
import { matchesFilter } from '#contract/topic-filter.ts';
import { loadContract, shippedMappingNames } from '#runtime/load-contract.ts';
import { defaultSubscriptions } from './subscriptions.ts';

const subscriptionsOf = (...mappings: readonly string[]) =>
  defaultSubscriptions(loadContract({ mappings, mappingDir: undefined, siteZone: 'UTC' }).mappings.rules);

it('what makes readings is subscribed to, and what is swallowed is not', () => {
  expect(subscriptionsOf('zigbee2mqtt')).toEqual(['devices/+/telemetry', 'zigbee2mqtt/#']);
  expect(subscriptionsOf('the-things-stack')).toEqual([
    'devices/+/telemetry',
    'v3/+/devices/+/up',
    'v3/+/devices/+/up/normalized',
    'v3/+/devices/+/location/solved',
  ]);
});

it('no filter whose topics another one has, too: a broker may send those twice', () => {
  expect(subscriptionsOf('opendtu')).toEqual(['devices/+/telemetry', 'solar/+/+/+', 'solar/battery/+']);
  for (const name of shippedMappingNames()) {
    const filters = subscriptionsOf(name);
    const topics = filters.map((filter) => filter.replaceAll(/[+#]/g, 'x'));
    for (const [index, topic] of topics.entries()) {
      const wider = filters.filter((filter) => filter !== filters[index] && matchesFilter(filter, topic));
      expect({ name, topic, wider }).toEqual({ name, topic, wider: [] });
    }
  }
});

it.each(shippedMappingNames())('%s does not ask for everything that the broker has', (name) => {
  const filters = subscriptionsOf(name);
  const others = ['cameras/door/snapshot', 'a', 'plant/line-1/oven/7/x', 'homeassistant/sensor/a/b/config'];
  expect(others.filter((topic) => filters.some((filter) => matchesFilter(filter, topic)))).toEqual([]);
});

it('a name of several levels at the beginning may have up to four of them', () => {
  const filters = subscriptionsOf('shelly-gen2');
  const hears = (topic: string) => filters.filter((filter) => matchesFilter(filter, topic)).length;
  expect(hears('plug/status/switch:0')).toBe(1);
  expect(hears('a/b/c/d/events/rpc')).toBe(1);
  expect(hears('a/b/c/d/e/events/rpc')).toBe(0);
});
