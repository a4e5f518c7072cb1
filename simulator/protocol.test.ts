import { describe, expect, it } from 'vitest';
import { expectedCode, reasonCodeOf, versionOf } from './protocol.ts';

describe('what a fleet speaks', () => {
  it('is one version, or both in turn', () => {
    expect([0, 1, 2, 3].map((device) => versionOf('mixed', device))).toEqual(['3.1.1', '5', '3.1.1', '5']);
    expect([0, 1].map((device) => versionOf('5', device))).toEqual(['5', '5']);
  });
});

describe('the answer to a message', () => {
  it('is read from what MQTT.js says', () => {
    const refused = Object.assign(new Error('Publish error: Payload format invalid'), { code: 0x99 });
    expect(reasonCodeOf(undefined, undefined)).toBe(0);
    expect(reasonCodeOf(null, { cmd: 'puback' })).toBe(0);
    expect(reasonCodeOf(refused, { cmd: 'puback' })).toBe(0x99);
    expect(reasonCodeOf(new Error('Connection closed'), undefined)).toBeUndefined();
    expect(
      reasonCodeOf(Object.assign(new Error('x'), { code: 'ECONNRESET' }), { cmd: 'puback' }),
    ).toBeUndefined();
  });

  it('is expected by what is wrong with it', () => {
    expect(expectedCode(3, [])).toBe(0);
    expect(expectedCode(3, ['schema-violation'])).toBe(0);
    expect(expectedCode(1, ['schema-violation'])).toBe(0x99);
    expect(expectedCode(1, ['timestamp-out-of-range'])).toBe(0x83);
    expect(expectedCode(1, ['payload-too-large'])).toBe(0x97);
  });
});
