import { expect, test } from 'vitest';
import { svgOf } from './plot.ts';

const axes = { title: 'a & b', xLabel: 'messages/s', yLabel: 'ms' };

test('a larger value stands higher, a larger rate further to the right', () => {
  const svg = svgOf({
    ...axes,
    curves: [
      {
        name: 'p99',
        points: [
          [100, 1],
          [1_000, 100],
        ],
      },
    ],
  });
  const [[x1, y1], [x2, y2]] = [...svg.matchAll(/<circle cx="([\d.]+)" cy="([\d.]+)"/g)].map(([, x, y]) => [
    Number(x),
    Number(y),
  ]) as [[number, number], [number, number]];
  expect(x2).toBeGreaterThan(x1);
  expect(y2).toBeLessThan(y1);
  expect(svg).toContain('a &amp; b');
});

test('what was not measured is left out', () => {
  const svg = svgOf({
    ...axes,
    curves: [
      {
        name: 'p50',
        points: [
          [1, Number.NaN],
          [2, 0],
          [3, 5],
        ],
      },
    ],
  });
  expect(svg.match(/<circle/g)).toHaveLength(1);
  expect(svg).not.toContain('NaN');
});
