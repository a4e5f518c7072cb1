import { Ajv } from 'ajv';
import type { DeviceSource, KnownDevice, KnownStory } from '#console/server/parts.ts';
import type { TargetHttp } from '#console/server/target-http.ts';
import type { IngestGateway } from '#ingest-gateway/gateway.ts';
import type { DeviceGlance } from '#ingest-gateway/intake/known-devices.ts';
import { TimeSlice } from '#runtime/time-slice.ts';
import { sum } from './device-row.ts';

/** The gateway of this process. */
export function devicesOf(gateway: Pick<IngestGateway, 'glances' | 'status' | 'device'>): DeviceSource {
  return {
    async list() {
      const glances: DeviceGlance[] = [];
      const slice = new TimeSlice();
      for (const glance of gateway.glances()) {
        glances.push(glance);
        if (slice.isOver()) await slice.rest();
      }
      return { glances, status: (id) => gateway.status(id) };
    },
    story: async (id) => gateway.device(id),
  };
}

const countsShape = { type: 'object', additionalProperties: { type: 'number' } } as const;
/** What is reckoned with here: another version of the gateway, or no gateway at all, may answer something else. */
const deviceShape = {
  type: 'object',
  required: ['id', 'connected', 'accepted', 'refused', 'refusals', 'discarded', 'takeovers', 'slowedMs'],
  properties: {
    id: { type: 'string' },
    connected: { type: 'boolean' },
    lastSeen: { type: 'number', nullable: true },
    accepted: { type: 'number' },
    refused: countsShape,
    refusals: countsShape,
    discarded: countsShape,
    takeovers: { type: 'number' },
    slowedMs: { type: 'number' },
    labels: { type: 'object', additionalProperties: { type: 'string' } },
  },
} as const;
const connectionsShape = { type: 'array', items: { type: 'object', required: ['at', 'event'] } } as const;
const ajv = new Ajv();
const isList = ajv.compile<{ readonly devices: readonly KnownDevice[] }>({
  type: 'object',
  required: ['devices'],
  properties: { devices: { type: 'array', items: deviceShape } },
});
const isStory = ajv.compile<KnownStory>({
  ...deviceShape,
  required: [...deviceShape.required, 'connections'],
  properties: { ...deviceShape.properties, connections: connectionsShape },
});

/** The gateways among other processes. A device that moved from one to another is known to both: the later word counts. */
export function devicesOfTargets(targets: readonly TargetHttp[]): DeviceSource {
  return {
    async list() {
      const lists = await Promise.all(
        targets.map(async (target) => {
          const answer = await target.json('/api/devices').catch(() => undefined);
          return isList(answer) ? answer.devices : [];
        }),
      );
      const byId = new Map<string, KnownDevice>();
      for (const device of lists.flat()) {
        const known = byId.get(device.id);
        byId.set(device.id, known === undefined ? device : together(known, device));
      }
      return { glances: Array.from(byId.values(), glanceOf), status: (id) => byId.get(id) };
    },
    async story(id) {
      const path = `/api/devices/${encodeURIComponent(id)}`;
      const stories = await Promise.all(targets.map((target) => target.json(path).catch(() => undefined)));
      const known = stories.filter((story) => isStory(story));
      if (known.length === 0) return undefined;
      const connections = known
        .flatMap((story) => story.connections)
        .toSorted((a, b) => b.at - a.at)
        .slice(0, 32);
      return { ...known.reduce(together), connections };
    },
  };
}

function glanceOf(device: KnownDevice): DeviceGlance {
  const { id, connected, lastSeen, accepted, address, source, labels, clockAheadMs } = device;
  return {
    id,
    connected,
    lastSeen,
    accepted,
    address,
    refused: sum(device.refused),
    turnedAway: sum(device.refusals),
    silentSince: device.silentSince ?? null,
    clockAheadMs,
    source,
    labels,
  };
}

function together<Status extends KnownDevice>(a: Status, b: Status): Status {
  const [later, earlier] = (a.lastSeen ?? 0) >= (b.lastSeen ?? 0) ? [a, b] : [b, a];
  return {
    ...later,
    connected: a.connected || b.connected,
    accepted: a.accepted + b.accepted,
    refused: added(a.refused, b.refused),
    refusals: added(a.refusals, b.refusals),
    discarded: added(a.discarded, b.discarded),
    takeovers: a.takeovers + b.takeovers,
    slowedMs: a.slowedMs + b.slowedMs,
    lastTakeover: later.lastTakeover ?? earlier.lastTakeover,
  };
}

function added(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number>>,
): Record<string, number> {
  const sums = { ...a };
  for (const [word, count] of Object.entries(b)) sums[word] = (sums[word] ?? 0) + count;
  return sums;
}
