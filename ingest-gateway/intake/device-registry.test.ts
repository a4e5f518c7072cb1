import { describe, expect, it } from 'vitest';
import { gatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { DeviceRegistry } from './device-registry.ts';
import { InflightBudget } from './inflight-budget.ts';

describe('device registry', () => {
  it('lists silent devices, and expected ones that never came', () => {
    let now = 1_000_000;
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => now);
    devices.admit('old', '192.0.2.1').accepted = 3;
    now += 60_000;
    devices.admit('new', '192.0.2.1');
    expect(devices.list(30_000, ['old', 'new', 'never'])).toEqual([
      {
        id: 'never',
        connected: false,
        lastSeen: null,
        mqttVersion: null,
        accepted: 0,
        refused: {},
        discarded: {},
        address: null,
        takeovers: 0,
        lastTakeover: null,
        slowedMs: 0,
        refusals: {},
        lastRefusal: null,
      },
      {
        id: 'old',
        connected: false,
        lastSeen: 1_000_000,
        mqttVersion: null,
        accepted: 3,
        refused: {},
        discarded: {},
        address: '192.0.2.1',
        takeovers: 0,
        lastTakeover: null,
        slowedMs: 0,
        refusals: {},
        lastRefusal: null,
      },
    ]);
    expect(devices.list(0).map(({ id }) => id)).toEqual(['old', 'new']);
  });

  it('keeps what it knows of a device that comes back', () => {
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => 0);
    const device = devices.admit('dev-1', '192.0.2.1');
    expect(devices.admit('dev-1', '192.0.2.1')).toBe(device);
  });

  it('[P6] forgets the longest unseen above its capacity, never connected or busy ones', () => {
    const devices = new DeviceRegistry(
      gatewayLimits(),
      new InflightBudget(10, 10),
      () => 0,
      () => ({}),
      3,
    );
    devices.admit('connected', '192.0.2.1').connected = true;
    devices.admit('busy', '192.0.2.1').budget.take(1);
    for (let i = 0; i < 10; i++) devices.admit(`passing-${i}`, '192.0.2.1');
    expect(devices.list(0).map(({ id }) => id)).toEqual(['connected', 'busy', 'passing-9']);
  });

  it('keeps who was turned away: devices, ids that were never let in, and addresses', () => {
    let now = 1_000;
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => now);
    const turnAway = (
      deviceId: string | undefined,
      address: string,
      reason: RefusalReason,
      detail?: string,
    ) => devices.countTurnedAway({ deviceId, address, reason, detail });
    devices.admit('dev-1', 'a');
    turnAway('dev-1', 'b', 'bad-credentials');
    turnAway('guess', 'b', 'bad-credentials');
    now = 2_000;
    turnAway('dev-1', 'b', 'protocol-error', 'x'.repeat(10_000));
    turnAway(undefined, 'c', 'connect-timeout');
    const last = {
      at: 2_000,
      reason: 'protocol-error',
      address: 'b',
      device: 'dev-1',
      detail: 'x'.repeat(200),
    };
    expect(devices.list(0)).toMatchObject([
      {
        id: 'dev-1',
        address: 'a',
        refusals: { 'bad-credentials': 1, 'protocol-error': 1 },
        lastRefusal: last,
      },
    ]);
    expect(devices.strangers()).toMatchObject({
      strangers: [
        { id: 'guess', refusals: { 'bad-credentials': 1 }, lastRefusal: { at: 1_000, address: 'b' } },
      ],
      addresses: [
        { address: 'c', refusals: { 'connect-timeout': 1 }, lastRefusal: { device: null } },
        { address: 'b', refusals: { 'bad-credentials': 2, 'protocol-error': 1 }, lastRefusal: last },
      ],
    });
    expect(devices.list(0, ['guess'])).toMatchObject([
      { id: 'guess', refusals: { 'bad-credentials': 1 } },
      {},
    ]);
    expect(devices.strangers(['guess']).strangers).toEqual([]);
    devices.admit('guess', 'b');
    expect(devices.list(0).at(-1)).toMatchObject({ id: 'guess', refusals: { 'bad-credentials': 1 } });
    expect(devices.strangers().strangers).toEqual([]);
  });

  it('[P6] a flood of made-up ids and addresses neither grows without bound nor hides a device', () => {
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => 0);
    devices.admit('dev-1', 'a');
    devices.countTurnedAway({ deviceId: 'dev-1', address: 'a', reason: 'revoked', detail: undefined });
    for (let i = 0; i < 30_000; i++)
      devices.countTurnedAway({
        deviceId: `x${i}`,
        address: `y${i}`,
        reason: 'bad-credentials',
        detail: 'z',
      });
    const { strangers, addresses } = devices.strangers();
    for (const { length } of [strangers, addresses]) {
      expect(length).toBeGreaterThan(8_000);
      expect(length).toBeLessThanOrEqual(10_000);
    }
    expect(strangers[0]).toMatchObject({ id: 'x29999' });
    expect(devices.list(0)).toMatchObject([{ id: 'dev-1', refusals: { revoked: 1 } }]);
  });

  it('adds up for how long a device was slowed, the time that runs included', () => {
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => 0);
    const device = devices.admit('dev-1', 'a');
    device.slow(true, 1_000);
    expect(device.slowedMs(1_250)).toBe(250);
    device.slow(false, 1_500);
    expect(device.slowedMs(9_000)).toBe(500);
    device.slow(true, 10_000);
    device.slow(false, 10_100);
    expect(device.slowedMs(20_000)).toBe(600);
  });
});
