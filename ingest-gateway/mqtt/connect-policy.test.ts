import type { ConnectPacket } from 'aedes';
import { describe, expect, it } from 'vitest';
import { judgeConnect } from './connect-policy.ts';

const packet = (changes: Partial<ConnectPacket> = {}): ConnectPacket => ({
  cmd: 'connect',
  clientId: 'dev-1',
  clean: true,
  keepalive: 60,
  ...changes,
});
const will = (qos: number): NonNullable<ConnectPacket['will']> => ({
  topic: 'a',
  payload: 'gone',
  qos: qos as 0 | 1 | 2,
});

describe('CONNECT policy', () => {
  it('leaves an ordinary CONNECT as it is', () => {
    expect(judgeConnect(packet(), 300)).toEqual({
      fatal: undefined,
      tolerated: [],
      changes: { clean: true, keepalive: 60 },
      keepaliveWaitMs: 48_000,
    });
  });

  it('[P10] tolerates a will, a persistent session and no keepalive', () => {
    expect(judgeConnect(packet({ will: will(1), clean: false, keepalive: 0 }), 300)).toEqual({
      fatal: undefined,
      tolerated: ['will', 'persistent-session', 'keepalive'],
      changes: { clean: true, keepalive: 200 },
      keepaliveWaitMs: undefined,
    });
  });

  it('closes a silent connection after the longest keepalive: aedes waits 1.5 times what it is given', () => {
    for (const keepalive of [0, 301, 65_535]) {
      expect((judgeConnect(packet({ keepalive }), 300).changes.keepalive ?? 0) * 1.5).toBe(300);
    }
    expect(judgeConnect(packet({ keepalive: 300 }), 300).tolerated).toEqual([]);
  });

  it('lets no message wait as long as the device waits for its PINGRESP', () => {
    expect(judgeConnect(packet({ keepalive: 5 }), 300).keepaliveWaitMs).toBeLessThan(5_000);
  });

  it('[P10] does not accept a password without a user name, except of MQTT 5', () => {
    const password = Buffer.from('x');
    expect(judgeConnect(packet({ password }), 300).fatal).toBe('protocol-error');
    expect(judgeConnect(packet({ password, protocolVersion: 5 }), 300).fatal).toBeUndefined();
    expect(judgeConnect(packet({ password, username: 'dev-1' }), 300).fatal).toBeUndefined();
    expect(judgeConnect(packet({ username: 'dev-1' }), 300).fatal).toBeUndefined();
  });

  it('[P10] does not accept a will with QoS 3', () => {
    expect(judgeConnect(packet({ will: will(3) }), 300).fatal).toBe('invalid-will');
  });
});
