import { expect, test } from 'vitest';
import type { DeviceSort } from '#console/api/devices.ts';
import type { DeviceSource } from '#console/server/parts.ts';
import { NEVER_CONNECTED } from '#ingest-gateway/intake/device.ts';
import type { DeviceGlance } from '#ingest-gateway/intake/known-devices.ts';
import { DeviceDirectory } from './device-directory.ts';

const EVERYTHING = { search: '', state: undefined, skip: 0, limit: 10, order: 'asc' } as const;

function known(id: string, accepted: number): DeviceGlance {
  const nothing = { lastSeen: null, refused: 0, turnedAway: 0, silentSince: null, address: null };
  const unsaid = { clockAheadMs: undefined, source: undefined, labels: undefined };
  return { ...nothing, ...unsaid, id, accepted, connected: true };
}

/** @param asked ids whose whole status was asked for */
function sourceOf(devices: () => readonly DeviceGlance[], asked: string[] = []): DeviceSource {
  return {
    list: async () => ({
      glances: devices(),
      status: (id) => {
        asked.push(id);
        const device = devices().find((it) => it.id === id);
        return device && { ...NEVER_CONNECTED, id, accepted: device.accepted };
      },
    }),
    story: async () => undefined,
  };
}

test('what is alike stands in the order of ids, also of devices that came or went since', async () => {
  let devices = [known('c', 1), known('a', 1), known('b', 2)];
  let now = 0;
  const directory = new DeviceDirectory(
    sourceOf(() => devices),
    () => now,
  );
  const ids = async (sort: DeviceSort, order: 'asc' | 'desc') => {
    return (await directory.page({ ...EVERYTHING, sort, order })).devices.map(({ id }) => id).join('');
  };
  expect([await ids('id', 'asc'), await ids('id', 'desc')]).toEqual(['abc', 'cba']);
  expect([await ids('accepted', 'asc'), await ids('accepted', 'desc')]).toEqual(['acb', 'bac']);
  devices = [known('c', 3), known('a', 3)];
  now += 2_000;
  expect([await ids('id', 'asc'), await ids('accepted', 'desc')]).toEqual(['ac', 'ac']);
  devices = [known('c', 3), known('aa', 3), known('a', 3), known('b', 4)];
  now += 2_000;
  expect([await ids('id', 'desc'), await ids('accepted', 'desc')]).toEqual(['cbaaa', 'baaac']);
});

test('of ten thousand devices only those that are answered are looked at as a whole, as they are by then', async () => {
  let devices = Array.from({ length: 10_000 }, (_, at) => known(`d${at}`, at));
  const asked: string[] = [];
  const directory = new DeviceDirectory(
    sourceOf(() => devices, asked),
    () => 0,
  );
  const page = () => directory.page({ ...EVERYTHING, sort: 'accepted', order: 'desc', limit: 2 });
  expect(await page()).toMatchObject({ total: 10_000, devices: [{ id: 'd9999' }, { id: 'd9998' }] });
  expect(asked).toEqual(['d9999', 'd9998']);
  devices = [known('d9998', 10_001)];
  expect(await page()).toMatchObject({ total: 10_000, devices: [{ id: 'd9998', accepted: 10_001 }] });
});
