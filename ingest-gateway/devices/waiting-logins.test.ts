import { expect, it, vi } from 'vitest';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { WaitingLogins } from './waiting-logins.ts';

it('tells of logins that wait for long, how many and how long, and when none does any more', () => {
  const checks = { waiting: 0, waitMs: 0 };
  const telemetry = { loginsWait: vi.fn(), loginsWaitNoMore: vi.fn() };
  const logins = new WaitingLogins(checks, telemetry as unknown as IngestTelemetry);
  const look = (waiting: number, waitMs: number): void => {
    Object.assign(checks, { waiting, waitMs });
    logins.look();
  };
  look(20, 900);
  look(0, 0);
  expect(logins.health()).toEqual({ required: false, up: true });
  expect(telemetry.loginsWaitNoMore).not.toHaveBeenCalled();

  look(1_000, 47_200);
  expect(telemetry.loginsWait).toHaveBeenLastCalledWith(1_000, 47_200);
  expect(logins.health()).toEqual({
    required: false,
    up: false,
    detail: '1,000 logins wait for slow hashes, the last for about 48 s (docs/devices.md)',
  });
  look(100, 4_000);
  expect(logins.health().up).toBe(true);
  expect(telemetry.loginsWaitNoMore).not.toHaveBeenCalled();
  look(0, 0);
  look(0, 0);
  expect(telemetry.loginsWaitNoMore).toHaveBeenCalledOnce();
});
