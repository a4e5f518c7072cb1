import { escape as escaping } from '@influxdata/influxdb-client';
import type { FieldValue } from '#contract/reading.ts';
import type { Point, PointField } from '#telemetry-store/telemetry-store.ts';

/**
 * Points as InfluxDB's line protocol, one line each, timestamps in milliseconds. Own assembly around the client's
 * escaping: its `Point` takes twice the CPU time (12 ms for 5,000 points where this takes 6). Names repeat within a
 * batch, so each is escaped once.
 *
 * Values are written as they are: what InfluxDB cannot hold (NaN, an integer with a fraction) is for it to refuse.
 */
export function linesOfPoints(points: readonly Point[]): string[] {
  const escapedNames = new Map<string, string>();
  const keyOf = (name: string): string => {
    let escaped = escapedNames.get(name);
    if (escaped === undefined) {
      escaped = escaping.tag(name);
      escapedNames.set(name, escaped);
    }
    return escaped;
  };
  return points.map(({ measurement, deviceId, timestamp, fields }) => {
    let line = `${measurementOf(measurement)},device=${keyOf(deviceId)} `;
    for (let i = 0; i < fields.length; i++) {
      const { name, kind, value } = fields[i] as PointField;
      if (i > 0) line += ',';
      line += `${keyOf(name)}=${valueText(kind, value)}`;
    }
    return `${line} ${timestamp}`;
  });
}

function measurementOf(name: string): string {
  return SAFE_NAME.test(name) ? name : escaping.measurement(name);
}

const SAFE_NAME = /^[a-zA-Z0-9_-]+$/;

function valueText(kind: PointField['kind'], value: FieldValue): string {
  switch (kind) {
    case 'integer':
      return `${value}i`;
    case 'string':
      return escaping.quoted(String(value));
    case 'float':
    case 'boolean':
      return String(value);
  }
}
