import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { BanList } from './ban-list.ts';
import { type Ban, readBans } from './bans-file.ts';

const NOW = Date.parse('2026-01-01T00:00:00Z');
const flapping = (device: string): Ban => ({
  device,
  since: '2026-01-01T00:00:00Z',
  until: '2026-01-01T00:01:00Z',
  reason: 'connects over and over',
  by: 'gateway',
});

let folder: string;
let file: string;
beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(path.join(tmpdir(), 'bans-'));
  file = path.join(folder, 'bans.json');
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

it('[P6] bans that the gateway finds hold at once, and are written together', async () => {
  const unusable = vi.fn();
  const telemetry = { banned: vi.fn(), bansUnusable: unusable } as unknown as IngestTelemetry;
  const list = new BanList({ file, onChanged: vi.fn() }, telemetry, () => NOW);
  const written = async (): Promise<number> => {
    await vi.advanceTimersByTimeAsync(0);
    return readBans(file).length;
  };
  for (let i = 0; i < 50; i++) list.add(flapping(`dev-${i}`));
  expect(list.size).toBe(50);
  expect(list.device('dev-49')).toBeDefined();
  expect(await written(), 'the first one').toBe(1);
  list.readAgain();
  await vi.advanceTimersByTimeAsync(100);
  expect(list.device('dev-49'), 'not in the file yet, and in force').toBeDefined();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await written()).toBe(50);
  list.add(flapping('dev-50'));
  expect(await written(), 'within a second').toBe(50);
  list[Symbol.dispose]();
  expect(await written(), 'before it is let go of').toBe(51);
  expect(unusable).not.toHaveBeenCalled();
});
