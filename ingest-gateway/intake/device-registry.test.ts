import { describe, expect, it } from 'vitest';
import { gatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import { DeviceRegistry } from './device-registry.ts';
import { InflightBudget } from './inflight-budget.ts';

describe('device registry', () => {
  it('lists silent devices, and expected ones that never came', () => {
    let now = 1_000_000;
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => now);
    devices.admit('old').accepted = 3;
    now += 60_000;
    devices.admit('new');
    expect(devices.list(30_000, ['old', 'new', 'never'])).toEqual([
      {
        id: 'never',
        connected: false,
        lastSeen: null,
        mqttVersion: null,
        accepted: 0,
        refused: {},
        discarded: {},
      },
      {
        id: 'old',
        connected: false,
        lastSeen: 1_000_000,
        mqttVersion: null,
        accepted: 3,
        refused: {},
        discarded: {},
      },
    ]);
    expect(devices.list(0).map(({ id }) => id)).toEqual(['old', 'new']);
  });

  it('keeps what it knows of a device that comes back', () => {
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => 0);
    const device = devices.admit('dev-1');
    expect(devices.admit('dev-1')).toBe(device);
  });

  it('[P6] forgets the longest unseen above its capacity, never connected or busy ones', () => {
    const devices = new DeviceRegistry(gatewayLimits(), new InflightBudget(10, 10), () => 0, 3);
    devices.admit('connected').connected = true;
    devices.admit('busy').budget.take(1);
    for (let i = 0; i < 10; i++) devices.admit(`passing-${i}`);
    expect(devices.list(0).map(({ id }) => id)).toEqual(['connected', 'busy', 'passing-9']);
  });
});
