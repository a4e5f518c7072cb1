import { expect, it } from 'vitest';
import type { Point } from '#telemetry-store/telemetry-store.ts';
import { linesOfPoints } from './line-protocol.ts';

const point = (tags?: Point['tags'], deviceId = 'dev-1'): Point => ({
  measurement: 'environment',
  deviceId,
  timestamp: 5,
  tags,
  fields: [{ name: 'temperature', kind: 'float', value: 1.5 }],
});

it('tags stand beside the device, of each point its own', () => {
  const tags = [
    ['line', 'a, b=c'],
    ['site', 'n'],
  ] as const;
  const lines = Buffer.from(
    linesOfPoints([point(), point(tags), point(tags), point([['site', 'm']]), point(), point(tags, 'dev-2')]),
  );
  expect(lines.toString().split('\n')).toEqual([
    'environment,device=dev-1 temperature=1.5 5',
    'environment,device=dev-1,line=a\\,\\ b\\=c,site=n temperature=1.5 5',
    'environment,device=dev-1,line=a\\,\\ b\\=c,site=n temperature=1.5 5',
    'environment,device=dev-1,site=m temperature=1.5 5',
    'environment,device=dev-1 temperature=1.5 5',
    'environment,device=dev-2,line=a\\,\\ b\\=c,site=n temperature=1.5 5',
  ]);
});
