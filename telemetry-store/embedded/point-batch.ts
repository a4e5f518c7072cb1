import type { FieldValue } from '#contract/reading.ts';
import type { Point, PointField } from '#telemetry-store/telemetry-store.ts';

/** Measurement and fields (names and kinds, in order) that many points of a batch share. */
export interface PointShape {
  readonly measurement: string;
  readonly fields: readonly Pick<PointField, 'name' | 'kind'>[];
}

/**
 * Points by column, for the way to another thread: cloning 5,000 points as objects took the sending thread 5–13 ms and
 * the receiving one 14–25 ms; building this takes 1.5 ms and cloning it 1 ms. Devices and shapes are named once.
 */
export interface PointBatch {
  readonly shapes: readonly PointShape[];
  readonly devices: readonly string[];
  /** Per point: position in `shapes`, position in `devices`, milliseconds. */
  readonly shapeOf: Uint32Array<ArrayBuffer>;
  readonly deviceOf: Uint32Array<ArrayBuffer>;
  readonly timestamps: Float64Array<ArrayBuffer>;
  /** The values of all points, one point after the other, each in the order of its shape's fields. */
  readonly values: readonly FieldValue[];
}

export function batchOfPoints(points: readonly Point[]): PointBatch {
  const shapes: PointShape[] = [];
  const devices = new Map<string, number>();
  const shapeOf = new Uint32Array(points.length);
  const deviceOf = new Uint32Array(points.length);
  const timestamps = new Float64Array(points.length);
  const values: FieldValue[] = [];

  for (let at = 0; at < points.length; at++) {
    const point = points[at] as Point;
    let shape = shapes.findIndex((known) => hasShape(point, known));
    if (shape === -1) {
      const fields = point.fields.map(({ name, kind }) => ({ name, kind }));
      shape = shapes.push({ measurement: point.measurement, fields }) - 1;
    }
    let device = devices.get(point.deviceId);
    if (device === undefined) {
      device = devices.size;
      devices.set(point.deviceId, device);
    }
    shapeOf[at] = shape;
    deviceOf[at] = device;
    timestamps[at] = point.timestamp;
    for (const field of point.fields) values.push(field.value);
  }
  return { shapes, devices: [...devices.keys()], shapeOf, deviceOf, timestamps, values };
}

function hasShape({ measurement, fields }: Point, shape: PointShape): boolean {
  if (measurement !== shape.measurement || fields.length !== shape.fields.length) return false;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] as PointField;
    const expected = shape.fields[i] as PointShape['fields'][number];
    if (field.name !== expected.name || field.kind !== expected.kind) return false;
  }
  return true;
}
