import { expect, test } from 'vitest';
import { admit } from '#contract/admission.ts';
import { ScannedReadings } from '#contract/scanned-readings.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { batchOfPoints } from './embedded/point-batch.ts';
import { linesOfPoints } from './influxdb/line-protocol.ts';
import { PlainPoint } from './plain-point.ts';
import { pointOfReading } from './reading-point.ts';
import type { Point } from './telemetry-store.ts';

const schemas = loadSchemas();
const tags = [['site', 'north']] as const;

/** The same readings as bytes and as objects. */
function bothWays(ofPoint?: typeof tags): { readonly plain: Point[]; readonly objects: Point[] } {
  const bytes = Buffer.from(
    JSON.stringify([
      {
        schema: 'environment/1',
        ts: 1_764_000_000_000,
        seq: 4,
        values: { temperature: -21.5, humidity: 40 },
      },
      { schema: 'environment/1', ts: 1_764_000_000_001, values: { humidity: 0, temperature: 0.125 } },
      { schema: 'tracker/1', ts: 1, seq: 0, values: { latitude: 47.000001, longitude: 8, satellites: 12 } },
      { schema: 'environment/1', ts: 1_764_000_000_002, seq: 5, values: { temperature: 1, humidity: 2 } },
    ]),
  );
  const found = new ScannedReadings();
  const { accepted } = admit(bytes, undefined, schemas, undefined, found);
  expect(found).toHaveLength(4);
  const objects = accepted?.readings.map((reading) =>
    pointOfReading('dev-1', reading, schemas.get(reading.schema) as ReadingSchema, {
      tags: ofPoint,
    }),
  );
  return {
    plain: found.forms.map((_, at) => new PlainPoint('dev-1', bytes, found, at, ofPoint)),
    objects: objects ?? [],
  };
}

test.each([
  ['without tags', undefined],
  ['with tags', tags],
])('[P3] a point that is still bytes is the point of its reading, in every store: %s', (_, ofPoint) => {
  const { plain, objects } = bothWays(ofPoint);
  const essence = ({ measurement, deviceId, timestamp, fields }: Point) => ({
    measurement,
    deviceId,
    timestamp,
    fields,
  });
  expect(plain.map(essence)).toEqual(objects.map(essence));
  expect(String(Buffer.from(linesOfPoints(plain)))).toBe(String(Buffer.from(linesOfPoints(objects))));
  expect(batchOfPoints(plain)).toEqual(batchOfPoints(objects));
});
