import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findReadings } from './find-readings.ts';

const find = (payload: string, seq: number) => findReadings(Buffer.from(payload), { seq });

describe('finding a reading in a payload', () => {
  test('alone, in a batch, several times', () => {
    expect(find('{"seq":17}', 17)).toEqual([{ index: undefined, reading: { seq: 17 } }]);
    expect(find('[{"seq":1},{"seq":17},7,null,{"seq":17}]', 17).map(({ index }) => index)).toEqual([1, 4]);
  });

  test.each([
    '{"seq":170}',
    '{"seq":"17"}',
    '{"values":{"seq":17}}',
    '[17]',
    '17',
    'null',
    '{"a":17}',
    '{"seq":1.7}',
    '',
  ])('not in %s', (payload) => {
    expect(find(payload, 17)).toEqual([]);
  });

  test('by its text where the payload is no JSON', () => {
    expect(find('{"seq" : 17, "values": {', 17)).toEqual([{ index: undefined, reading: undefined }]);
    for (const other of ['{"seq":171, {', '{"seq":17.5, {', '{"seq":17e3, {', '{"seq":1, 17 {']) {
      expect(find(other, 17)).toEqual([]);
    }
  });

  test('by its time', () => {
    const at = (payload: string) =>
      findReadings(Buffer.from(payload), { fromMs: 10, toMs: 20 }).map(({ index }) => index);
    expect(at('{"ts":10}')).toEqual([undefined]);
    expect(at('[{"ts":9},{"ts":19},{"ts":20},{"ts":"10"},{"seq":10},null]')).toEqual([1]);
    expect(at('{"ts":10')).toEqual([]);
  });

  test('whatever the bytes are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(), (payload, seq) => {
        expect(Array.isArray(findReadings(payload, { seq }))).toBe(true);
        expect(findReadings(payload, { fromMs: 0, toMs: 1 })).toEqual([]);
      }),
    );
  });
});
