import { expect, test } from 'vitest';
import type { DeviceSort } from '#console/api/devices.ts';
import type { KnownDevice } from '#console/server/parts.ts';
import { DeviceDirectory } from './device-directory.ts';

function known(id: string, accepted: number): KnownDevice {
  const nothing = {
    discarded: {},
    refused: {},
    refusals: {},
    takeovers: 0,
    slowedMs: 0,
    lastSeen: undefined,
  };
  return { ...nothing, id, accepted, connected: true } as unknown as KnownDevice;
}

test('what is alike stands in the order of ids, also of devices that came or went since', async () => {
  let devices = [known('c', 1), known('a', 1), known('b', 2)];
  let now = 0;
  const directory = new DeviceDirectory(
    { list: async () => devices, story: async () => undefined },
    () => now,
  );
  const ids = async (sort: DeviceSort, order: 'asc' | 'desc') => {
    const all = { search: '', state: undefined, skip: 0, limit: 10 };
    return (await directory.page({ ...all, sort, order })).devices.map(({ id }) => id).join('');
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
