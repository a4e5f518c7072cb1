import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { Registry } from 'prom-client';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '#runtime/logger.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { names, point, range } from '#telemetry-store/suite/points.ts';
import { RETENTION_DAYS } from '#telemetry-store/suite/store-under-test.ts';
import { describeTelemetryStore } from '#telemetry-store/telemetry-store.suite.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import {
  type EmbeddedTelemetryStoreOptions,
  openEmbeddedTelemetryStore,
} from './embedded-telemetry-store.ts';

/** With a registry of its own, as each process has. */
const testDeps = () => ({
  log: createLogger({ name: 'test', level: 'silent' }),
  metrics: new Registry(),
  now: () => Date.now(),
});
const IS_ROOT = process.getuid?.() === 0;
const CAN_MOUNT = canMount();
const DAY_MS = 24 * 60 * 60 * 1000;

describeTelemetryStore(
  'embedded',
  async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'telemetry-store-'));
    const options = { dataDir, retentionDays: RETENTION_DAYS };
    return {
      store: await openEmbeddedTelemetryStore(options, testDeps()),
      openBeside: () => openEmbeddedTelemetryStore({ ...options, role: 'beside' }, testDeps()),
      dispose: () => rm(dataDir, { recursive: true }),
    };
  },
  { histories: 40 },
);

describe('the file of the embedded telemetry store', () => {
  let dataDir: string;
  const { measurement, device } = names();

  beforeEach(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'telemetry-store-'));
    dataDir = folder;
    // Runs last: what is registered later is cleaned up earlier.
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
  });

  const file = () => join(dataDir, 'telemetry-store.db');
  const open = async (
    changes: Partial<EmbeddedTelemetryStoreOptions> = {},
    now: () => number = () => Date.now(),
  ) => {
    const store = await openEmbeddedTelemetryStore(
      { dataDir, retentionDays: 90, ...changes },
      { ...testDeps(), now },
    );
    onTestFinished(() => store.close());
    return store;
  };
  const count = async (store: TelemetryStore) =>
    (await Array.fromAsync(store.scan({ fromMs: 0, toMs: Date.now() + 10 * DAY_MS }))).length;

  /** A small file system of its own in place of the folder, until the test ends. */
  const mountHere = (size: string) => {
    const folder = dataDir;
    expect(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]).status).toBe(0);
    onTestFinished(() => void spawnSync('umount', [folder]));
  };

  /** Another process that owns the store and writes one point after the other, telling how many are written. */
  const spawnOwner = () => {
    const script = `
      import { openEmbeddedTelemetryStore } from '#telemetry-store/embedded/embedded-telemetry-store.ts';
      import { createLogger } from '#runtime/logger.ts';
      import { Registry } from 'prom-client';
      const deps = { log: createLogger({ name: 'child', level: 'silent' }), metrics: new Registry(), now: () => Date.now() };
      const store = await openEmbeddedTelemetryStore({ dataDir: ${JSON.stringify(dataDir)}, retentionDays: 90 }, deps);
      const start = Date.now();
      for (let i = 0; ; i++) {
        const fields = [{ name: 'schemaVersion', kind: 'integer', value: 1 }, { name: 'x', kind: 'float', value: i }];
        await store.write([{ measurement: 'm', deviceId: 'dev-1', timestamp: start + i, fields }]);
        process.stdout.write(i + 1 + '\\n');
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    return child;
  };

  test('[P2] what was written is there after the process was killed, for readers and for the next owner', async () => {
    const child = spawnOwner();
    let written = 0;
    createInterface({ input: child.stdout }).on('line', (line) => {
      written = Number(line);
    });
    const exited = once(child, 'close');
    await eventually(() => expect(written).toBeGreaterThan(200));
    child.kill('SIGKILL');
    await exited;
    const beside = await open({ role: 'beside' });
    expect(await count(beside)).toBeGreaterThanOrEqual(written);
    expect(await count(await open())).toBeGreaterThanOrEqual(written);
  });

  test('shows tags to other SQLite tools as columns, also of points that were there before', async () => {
    const store = await open();
    const at = Date.now();
    await store.write([point(measurement, device, at, { x: 1 })]);
    await store.write([{ ...point(measurement, device, at + 1, { x: 2 }), tags: [['site', 'north']] }]);
    await store.write([{ ...point(measurement, device, at, { x: 1 }), tags: [['site', 'south']] }]);
    await store.close();
    using database = new DatabaseSync(file(), { readOnly: true });
    expect(database.prepare(`SELECT x, site FROM "${measurement}" ORDER BY time`).all()).toEqual([
      { x: 1, site: 'south' },
      { x: 2, site: 'north' },
    ]);
    const again = await open();
    expect((await again.latest(device, 2)).map(({ values }) => values)).toEqual([{ x: 2 }, { x: 1 }]);
  });

  test('has one owner at a time, over all processes; a killed one leaves nothing behind', async () => {
    const refusal = {
      code: 'configuration',
      message: expect.stringMatching(/DATA_DIR.*another running pipeline/),
    };
    const first = await open();
    await expect(open()).rejects.toMatchObject(refusal);
    await first.close();

    const child = spawnOwner();
    await once(child.stdout, 'data');
    await expect(open()).rejects.toMatchObject(refusal);
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await (await open()).trouble()).toBeUndefined();
  });

  test('a reader beside may come before the owner, and cannot write', async () => {
    const beside = await open({ role: 'beside' });
    expect(await beside.trouble()).toEqual(expect.any(String));
    await expect(beside.latest(device, 1)).rejects.toMatchObject({
      code: 'store-unavailable',
      retryable: true,
    });
    const owner = await open();
    const points = [point(measurement, device, Date.now(), { x: 1 })];
    await owner.write(points);
    expect(await beside.latest(device, 10)).toHaveLength(1);
    expect(await beside.write(points)).toMatchObject({ kind: 'misconfigured' });
  });

  test('[P3] a guest writes beside the owner, before it and while both make columns of their own', async () => {
    const guest = await open({ role: 'guest' });
    const now = Date.now();
    const written = { kind: 'written', rejected: [] };
    expect(await guest.write([point(measurement, device, now, { first: 1 })])).toEqual(written);
    const owner = await open();
    expect(await owner.write([point(measurement, device, now + 1, { ofOwner: 1 })])).toEqual(written);
    expect(await guest.write([point(measurement, device, now + 2, { ofGuest: 1, ofOwner: 2 })])).toEqual(
      written,
    );
    // Columns and a table that only the other one made.
    expect(await owner.write([point(measurement, device, now + 3, { ofGuest: 3 })])).toEqual(written);
    expect(await guest.write([point('second', device, now, { x: 1 })])).toEqual(written);
    expect((await owner.latest(device, 10)).map(({ schema }) => schema)).toContain('second/1');
    const rounds = Array.from({ length: 40 }, (_, round) => round);
    const many = (from: number, field: string) =>
      Array.from({ length: 50 }, (_, i) =>
        point('third', device, now + from + i, { [`${field}${from % 3}`]: i }),
      );
    const outcomes = await Promise.all(
      rounds.flatMap((round) => [owner.write(many(round * 50, 'a')), guest.write(many(round * 50, 'b'))]),
    );
    expect(outcomes).toEqual(outcomes.map(() => written));
    expect(await count(owner)).toBe(5 + 40 * 50);
  });

  test('a guest refuses what is beyond retention, and removes nothing', async () => {
    const owner = await open();
    const guest = await open({ role: 'guest', retentionDays: 1 });
    const old = [point(measurement, device, Date.now() - 2 * DAY_MS, { x: 1 })];
    expect(await owner.write(old)).toMatchObject({ rejected: [] });
    expect(await guest.write(old)).toMatchObject({ rejected: [{ index: 0 }] });
    expect(await count(owner)).toBe(1);
  });

  test('a reader in the middle of a scan holds up no write', async () => {
    const owner = await open();
    const now = Date.now();
    await owner.write(range(5_000).map((i) => point(measurement, device, now - i, { x: i })));
    const beside = await open({ role: 'beside' });
    let read = 0;
    for await (const _ of beside.scan({ fromMs: 0, toMs: now + 1 })) {
      if (read++ % 1_000 === 0) {
        expect(await owner.write([point(measurement, 'other', now, { x: read })])).toMatchObject({
          kind: 'written',
        });
      }
    }
    expect(read).toBeGreaterThanOrEqual(5_000);
  });

  test('points older than the retention are removed, in steps, and only those', async () => {
    const now = Date.now();
    const first = await open({ retentionDays: 7 });
    for (const type of [measurement, `${measurement}-b`]) {
      const young = range(600).map((i) => point(type, `dev-${i}`, now - 3 * DAY_MS, { x: 1 }));
      const old = range(5_000).map((i) =>
        point(type, `dev-${i % 700}`, now - 6 * DAY_MS - i * 1_000, { x: 1 }),
      );
      await first.write([...young, ...old]);
    }
    expect(await count(first)).toBe(11_200);
    await first.close();
    const twoDaysLater = now + 2 * DAY_MS;
    const later = await open({ retentionDays: 7, clockConfirmedMs: twoDaysLater }, () => twoDaysLater);
    await eventually(async () => expect(await count(later)).toBe(1_200));
  });

  test('[P2] a clock 200 days ahead neither removes nor refuses points, across a restart; believed after hours', async () => {
    const now = Date.now();
    let wall = now;
    let monotonic = 0;
    const changes = { retentionDays: 7, monotonicMs: () => monotonic };
    const first = await open(changes, () => wall);
    await first.write(range(10).map((i) => point(measurement, 'dev', now - i, { x: i })));
    wall += 200 * DAY_MS;
    expect(await first.write([point(measurement, 'dev', now - 20, { x: 1 })])).toEqual({
      kind: 'written',
      rejected: [],
    });
    await first.close();

    const second = await open(changes, () => wall);
    expect(await second.write([point(measurement, 'dev', now - 21, { x: 1 })])).toEqual({
      kind: 'written',
      rejected: [],
    });
    expect(await count(second)).toBe(12);
    wall += 7 * 3_600_000;
    monotonic += 7 * 3_600_000;
    expect(await second.write([point(measurement, 'dev', now, { x: 1 })])).toMatchObject({
      rejected: [{ index: 0, reason: expect.stringContaining('retention') }],
    });
  });

  test('people can read it with any SQLite tool', async () => {
    const store = await open();
    const now = Date.now();
    await store.write([point(measurement, device, now, { temperature: 21.5, Temperature: 3 }, 7)]);
    const database = new DatabaseSync(file(), { readOnly: true });
    expect({ ...database.prepare(`SELECT * FROM "${measurement}"`).get() }).toEqual({
      device,
      time: now,
      schemaVersion: 1,
      seq: 7,
      temperature: 21.5,
      Temperature_2: 3,
    });
    database.close();
  });

  describe('that cannot be used is a matter of DATA_DIR', () => {
    const refusal = { code: 'configuration', message: expect.stringContaining(`DATA_DIR: `) };

    test('no database, for who may not begin another', async () => {
      writeFileSync(file(), 'this is not a database '.repeat(1_000));
      await expect(open({ role: 'beside' })).rejects.toMatchObject(refusal);
    });

    test('no folder', async () => {
      writeFileSync(join(dataDir, 'file'), '');
      await expect(open({ dataDir: join(dataDir, 'file') })).rejects.toMatchObject(refusal);
    });

    test('from a newer pipeline', async () => {
      await (await open()).close();
      const database = new DatabaseSync(file());
      database.exec('PRAGMA user_version = 1000');
      database.close();
      await expect(open()).rejects.toMatchObject(refusal);
    });

    test.skipIf(IS_ROOT)('a file or folder without permission', async () => {
      await (await open()).close();
      chmodSync(file(), 0o444);
      await expect(open()).rejects.toMatchObject(refusal);
      chmodSync(dataDir, 0o555);
      await expect(open()).rejects.toMatchObject(refusal);
      chmodSync(dataDir, 0o777);
    });

    test.skipIf(!CAN_MOUNT)('a read-only file system', async () => {
      mountHere('4m');
      await (await open()).close();
      expect(spawnSync('mount', ['-o', 'remount,ro', dataDir]).status).toBe(0);
      await expect(open()).rejects.toMatchObject(refusal);
      await expect(open({ dataDir: join(dataDir, 'new') })).rejects.toMatchObject(refusal);
    });
  });

  test.each([
    ['the file and its journals deleted', ['', '-wal', '-shm']],
    ['the file alone deleted', ['']],
    ['its write-ahead log deleted', ['-wal']],
  ])(
    '[P2] %s while it is open: nothing more counts as stored, and a restart finds what did',
    async (_, endings) => {
      const store = await open();
      const start = Date.now() - DAY_MS;
      const write = (it: TelemetryStore, at: number) =>
        it.write([point(measurement, device, start + at, { x: at })]);
      expect(await write(store, 1)).toMatchObject({ kind: 'written' });
      for (const ending of endings) await rm(`${file()}${ending}`);
      expect(await write(store, 2)).toMatchObject({
        kind: 'misconfigured',
        detail: expect.stringMatching(/DATA_DIR: .* was deleted .*docs\/repair\.md/),
      });
      expect(await count(store)).toBe(1);
      await store.close();
      const again = await open();
      expect(await count(again)).toBe(1);
      expect(await write(again, 2)).toMatchObject({ kind: 'written' });
      expect(await count(again)).toBe(2);
      await again.close();
    },
  );

  test('[P3] [P7] put back, it is written again by itself', async () => {
    const store = await open();
    const write = () => store.write([point(measurement, device, Date.now() - DAY_MS, { x: 1 })]);
    const aside = join(dataDir, 'aside');
    mkdirSync(aside);
    const move = (from: string, to: string) => {
      for (const ending of ['', '-wal', '-shm'])
        renameSync(join(from, `telemetry-store.db${ending}`), join(to, `telemetry-store.db${ending}`));
    };
    move(dataDir, aside);
    expect(await write()).toMatchObject({ kind: 'misconfigured' });
    move(aside, dataDir);
    expect(await write()).toMatchObject({ kind: 'written' });
    await store.close();
  });

  test('[P2] a guest changes over to what stands in the place of its file, and writes to none that is gone', async () => {
    const owner = await open();
    const guest = await open({ role: 'guest' });
    const write = () => guest.write([point(measurement, device, Date.now() - DAY_MS, { x: 1 })]);
    expect(await write()).toMatchObject({ kind: 'written' });
    await owner.close();
    const other = join(dataDir, 'other');
    await (await open({ dataDir: other })).close();
    await rm(file());
    expect(await write()).toMatchObject({ kind: 'misconfigured' });
    for (const ending of ['-wal', '-shm']) await rm(`${file()}${ending}`, { force: true });
    renameSync(join(other, 'telemetry-store.db'), file());
    expect(await write()).toMatchObject({ kind: 'written' });
    expect(await count(guest)).toBe(1);
    await guest.close();
  });

  test.skipIf(!CAN_MOUNT)('a full disk: retry, nothing lost, and on again when there is room', async () => {
    mountHere('4m');
    const store = await open();
    writeFileSync(join(dataDir, 'ballast'), Buffer.alloc(2 * 1024 * 1024));
    const start = Date.now() - DAY_MS;
    let written = 0;
    const next = () =>
      store.write(range(2_000).map((i) => point(measurement, device, start + written + i, { x: i })));
    let outcome = await next();
    for (let tries = 0; outcome.kind === 'written' && tries < 100; tries++) {
      written += 2_000;
      outcome = await next();
    }
    expect(outcome).toMatchObject({ kind: 'retry', cause: 'storage-full' });
    expect(await count(store)).toBe(written);
    expect(await next()).toMatchObject({ kind: 'retry', cause: 'storage-full' });
    await rm(join(dataDir, 'ballast'));
    expect(await next()).toMatchObject({ kind: 'written' });
    expect(await count(store)).toBe(written + 2_000);
    await store.close();
  });
});

function canMount(): boolean {
  if (!IS_ROOT) return false;
  const folder = mkdtempSync(join(tmpdir(), 'telemetry-store-mount-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]);
  if (status === 0) spawnSync('umount', [folder]);
  rmdirSync(folder);
  return status === 0;
}
