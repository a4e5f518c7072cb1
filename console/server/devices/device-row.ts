import type { DeviceRow } from '#console/api/devices.ts';
import type { KnownDevice } from '#console/server/parts.ts';

export function rowOf(device: KnownDevice): DeviceRow {
  const { id, connected, mqttVersion, address, lastSeen, accepted, refused, refusals } = device;
  return {
    id,
    connected,
    protocol: mqttVersion,
    address,
    lastSeenAt: lastSeen,
    accepted,
    refused: sum(refused),
    refusedByReason: refused,
    turnedAway: sum(refusals),
    turnedAwayByReason: refusals,
    clockSkewMs: device.clockAheadMs ?? null,
    silentSince: device.silentSince ?? null,
    refusedSince: device.refusedSince ?? null,
    source: device.source ?? null,
  };
}

/** Of counts by word. */
export function sum(byWord: Readonly<Record<string, number>>): number {
  return Object.values(byWord).reduce((all, count) => all + count, 0);
}
