import type { DeviceSource, KnownDevice, KnownStory } from '#console/server/parts.ts';
import type { TargetHttp } from '#console/server/target-http.ts';
import type { IngestGateway } from '#ingest-gateway/gateway.ts';

/** The gateway of this process. */
export function devicesOf(gateway: Pick<IngestGateway, 'devices' | 'device'>): DeviceSource {
  return {
    list: async () => gateway.devices(),
    story: async (id) => gateway.device(id),
  };
}

/** The gateways among other processes. A device that moved from one to another is known to both: the later word counts. */
export function devicesOfTargets(targets: readonly TargetHttp[]): DeviceSource {
  return {
    async list() {
      const lists = await Promise.all(
        targets.map(async (target) => {
          const answer = (await target.json('/api/devices').catch(() => undefined)) as
            | { readonly devices?: readonly KnownDevice[] }
            | undefined;
          return answer?.devices ?? [];
        }),
      );
      const byId = new Map<string, KnownDevice>();
      for (const device of lists.flat()) {
        const known = byId.get(device.id);
        byId.set(device.id, known === undefined ? device : together(known, device));
      }
      return [...byId.values()];
    },
    async story(id) {
      const path = `/api/devices/${encodeURIComponent(id)}`;
      const stories = await Promise.all(
        targets.map((target) => target.json(path).catch(() => undefined) as Promise<KnownStory | undefined>),
      );
      const known = stories.filter((story) => story !== undefined);
      if (known.length === 0) return undefined;
      const connections = known
        .flatMap((story) => story.connections)
        .toSorted((a, b) => b.at - a.at)
        .slice(0, 32);
      return { ...known.reduce(together), connections };
    },
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
