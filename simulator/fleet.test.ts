import { afterEach, expect, test } from 'vitest';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { type Fleet, startFleet } from './fleet.ts';
import type { FleetOptions } from './fleet-options.ts';
import { Ledger } from './ledger.ts';
import { PretendPipeline, SCHEMAS } from './testing/pretend-pipeline.ts';
import { verifyLedger } from './verify-ledger.ts';

const SEED = 20;
/** To get what is under way acknowledged; passes at once where nothing is. */
const STOP_MS = 30_000;
const running: AsyncDisposable[] = [];
afterEach(async () => {
  for (const resource of running.splice(0).toReversed()) await resource[Symbol.asyncDispose]();
});

async function pipeline(port?: number): Promise<PretendPipeline> {
  const started = await PretendPipeline.start(port);
  running.push(started);
  return started;
}

function fleet(
  of: PretendPipeline,
  options: Partial<FleetOptions> & { readonly names?: readonly string[] } = {},
): { readonly fleet: Fleet; readonly ledger: Ledger; readonly lines: string[] } {
  const ledger = new Ledger();
  const lines: string[] = [];
  const log = createLogger(
    { name: 'test', level: 'info' },
    { write: (line: string) => void lines.push(line) },
  );
  const started = startFleet(
    {
      urls: [of.url],
      devices: (options.names ?? ['a', 'b', 'c']).map((id) => ({ id })),
      schemas: [...SCHEMAS.values()] as [ReadingSchema, ...ReadingSchema[]],
      seed: SEED,
      batch: 3,
      qos: 1,
      ...options,
    },
    { log, now: Date.now, random: Math.random, ledger },
  );
  running.push(started);
  return { fleet: started, ledger, lines };
}

function verify(ledger: Ledger, { log, store }: PretendPipeline): ReturnType<typeof verifyLedger> {
  return verifyLedger(ledger, { deadLetterTopic: 'dlq', consumerGroup: 'any', timeoutMs: 0 }, { log, store });
}

/** Where each reading of a device first came, in the order of coming; malformed ones left out. */
function firstComing(of: PretendPipeline, device: string): number[] {
  const seqs = (of.received.get(device) ?? []).flatMap((payload) => {
    const readings = JSON.parse(payload.toString()) as { seq: number }[];
    return readings.map(({ seq }) => seq);
  });
  return [...new Set(seqs)];
}

test.each([1, 2] as const)('QoS %d: everything is sent, acknowledged and accounted for', async (qos) => {
  const gateway = await pipeline();
  const { fleet: devices, ledger } = fleet(gateway, {
    qos,
    count: 40,
    malformed: 0.1,
    late: 0.2,
    duplicate: 0.3,
  });
  expect(await devices.ended).toBe('complete');
  const { messages, sent, acked, connected } = devices.progress();
  expect({ messages, acked, connected }).toEqual({ messages: 120, acked: sent, connected: 0 });
  expect([...gateway.received.values()].flat().length).toBeGreaterThan(120);
  const result = await verify(ledger, gateway);
  expect(result).toMatchObject({ sent, acked, missing: 0, pending: 0, ok: true });
  expect(result.duplicates).toBeGreaterThan(0);
});

test('QoS 0: everything is sent, nothing counts as acknowledged', async () => {
  const gateway = await pipeline();
  const { fleet: devices, ledger } = fleet(gateway, { qos: 0, count: 20 });
  expect(await devices.ended).toBe('complete');
  await eventually(() => expect([...gateway.received.values()].flat()).toHaveLength(60));
  expect(await verify(ledger, gateway)).toMatchObject({
    sent: 180,
    acked: 0,
    stored: 180,
    pending: 0,
    ok: true,
  });
});

test('[P2] [P4] a gateway that closes connections without acknowledging gets it all again, in order', async () => {
  const gateway = await pipeline();
  let publishes = 0;
  gateway.acknowledge = () => ++publishes % 17 !== 0;
  const { fleet: devices, ledger } = fleet(gateway, { count: 60 });
  expect(await devices.ended).toBe('complete');
  expect(await verify(ledger, gateway)).toMatchObject({ sent: 540, acked: 540, stored: 540, missing: 0 });
  for (const device of ['a', 'b', 'c']) {
    const seqs = firstComing(gateway, device);
    expect(seqs).toEqual(seqs.toSorted((one, other) => one - other));
  }
});

/** Without a count a fleet goes on until it is told to stop, however long a busy machine takes to see what it waits for. */
const PACE = { rate: 50, burstFactor: 1, burstEvery: 30, burstLength: 5 };

test('a gateway that goes away and comes back on its port', async () => {
  // One that no outgoing connection of another test can take meanwhile.
  const [port] = await choosePorts([undefined]);
  const gateway = await pipeline(port);
  const { fleet: devices, ledger, lines } = fleet(gateway, { pace: PACE });
  await eventually(() => expect(devices.progress().acked).toBeGreaterThan(50));
  await gateway[Symbol.asyncDispose]();
  await eventually(() => expect(devices.progress()).toMatchObject({ connected: 0 }));
  await eventually(() => expect(devices.progress().trouble).toMatch(/ECONNREFUSED/));
  expect(lines.filter((line) => line.includes('cannot reach'))).toHaveLength(1);

  const before = devices.progress().acked;
  const again = await pipeline(port);
  await eventually(() => expect(devices.progress().acked).toBeGreaterThan(before + 50));
  expect(await devices.stop(STOP_MS)).toBe('stopped');
  // What the first one took is gone from no book: both together hold everything.
  again.stored.push(...gateway.stored);
  const { sent } = devices.progress();
  expect(await verify(ledger, again)).toMatchObject({ sent, acked: sent, missing: 0, ok: true });
});

test('devices are spread over gateways and move on when theirs is away', async () => {
  const [one, other] = [await pipeline(), await pipeline()];
  const names = ['a', 'b', 'c', 'd'];
  const { fleet: devices } = fleet(one, { urls: [one.url, other.url], names, pace: PACE });
  await eventually(() => expect(devices.progress().connected).toBe(4));
  await eventually(() => expect([one.received.size, other.received.size]).toEqual([2, 2]));
  await other[Symbol.asyncDispose]();
  await eventually(() => expect([...one.received.keys()].sort()).toEqual(names));
  expect(await devices.stop(STOP_MS)).toBe('stopped');
});

test('unreliable devices drop their connections, also mid-burst, and the books still close', async () => {
  const gateway = await pipeline();
  const { fleet: devices, ledger } = fleet(gateway, { count: 300, batch: 1, disconnect: 1 });
  expect(await devices.ended).toBe('complete');
  expect(gateway.connections).toBeGreaterThanOrEqual(6);
  expect([...gateway.received.values()].flat().length).toBeGreaterThan(900);
  expect(await verify(ledger, gateway)).toMatchObject({ sent: 900, acked: 900, missing: 0, ok: true });
});

test('a device waits with no more than its window while nothing is acknowledged', async () => {
  const gateway = await pipeline();
  gateway.acknowledge = () => false;
  const { fleet: devices, ledger } = fleet(gateway, { names: ['a'], batch: 1, count: 1_000 });
  await eventually(() => expect(devices.progress().messages).toBe(100));
  const connections = gateway.connections;
  await eventually(() => expect(gateway.connections).toBeGreaterThan(connections + 1));
  expect(devices.progress()).toMatchObject({ messages: 100, acked: 0 });
  expect(await devices.stop(0)).toBe('stopped');
  // Some of it went into the store all the same: unacknowledged readings may be anywhere.
  const { stored, pending, missing } = await verify(ledger, gateway);
  expect({ total: stored + pending, missing }).toEqual({ total: 100, missing: 0 });
  expect(stored).toBeGreaterThan(0);
});

test('a fleet gives up when nothing is acknowledged any more', async () => {
  const gateway = await pipeline();
  gateway.acknowledge = () => false;
  const { fleet: devices } = fleet(gateway, { count: 10, giveUpAfterMs: 10 });
  expect(await devices.ended).toBe('gave-up');
  expect(devices.progress()).toMatchObject({ acked: 0, connected: 0 });
});

test('a duration ends a run; what is under way is still acknowledged', async () => {
  const gateway = await pipeline();
  const { fleet: devices } = fleet(gateway, { durationMs: 600, pace: PACE });
  expect(await devices.ended).toBe('complete');
  const { messages, sent, acked, elapsedMs } = devices.progress();
  expect(acked).toBe(sent);
  // Never more than the pace allows, however late a busy machine ended the run; it may send fewer.
  expect(messages).toBeLessThanOrEqual(3 * (elapsedMs / 20 + 1));
});

test('stop ends a fleet that would go on for ever', async () => {
  const gateway = await pipeline();
  const { fleet: devices } = fleet(gateway);
  await eventually(() => expect(devices.progress().acked).toBeGreaterThan(0));
  expect(await devices.stop()).toBe('stopped');
  const { sent, acked, connected } = devices.progress();
  expect({ acked, connected }).toEqual({ acked: sent, connected: 0 });
});

test('passwords go with the device id as user name', async () => {
  const gateway = await pipeline();
  const { fleet: devices } = fleet(gateway, { devices: [{ id: 'x', password: 'secret' }], count: 1 });
  expect(await devices.ended).toBe('complete');
  expect(gateway.users).toEqual([['x', 'secret']]);
});
