import type { DashboardSpec } from './dashboard-spec.ts';

const RANGE = 'from(bucket: v.defaultBucket)\n  |> range(start: v.timeRangeStart, stop: v.timeRangeStop)';
/** Every point has this field, whatever its type: counting it counts readings. */
const READINGS = `${RANGE}
  |> filter(fn: (r) => r._measurement == "$type" and r._field == "schemaVersion")`;
const CHOSEN = `r.device =~ /^\${device:regex}$/`;

export const DEVICES: DashboardSpec = {
  uid: 'telemetry-devices',
  title: 'Telemetry: devices',
  description:
    'What the devices measure, how fresh it is, and what is missing. From InfluxDB, by device time.',
  source: 'influxdb',
  variables: [
    {
      name: 'type',
      label: 'Type',
      query: 'import "influxdata/influxdb/schema"\nschema.measurements(bucket: v.defaultBucket)',
      several: false,
    },
    {
      name: 'device',
      label: 'Device',
      query:
        'import "influxdata/influxdb/schema"\n' +
        'schema.measurementTagValues(bucket: v.defaultBucket, measurement: "$type", tag: "device")',
      several: true,
    },
    {
      name: 'field',
      label: 'Value',
      query:
        'import "influxdata/influxdb/schema"\n' +
        'schema.measurementFieldKeys(bucket: v.defaultBucket, measurement: "$type")\n' +
        '  |> filter(fn: (r) => r._value != "seq" and r._value != "schemaVersion" and r._value != "schemaType")',
      several: true,
    },
  ],
  from: 'now-1h',
  rows: [
    {
      title: 'Fleet: $type',
      panels: [
        {
          kind: 'stat',
          title: 'Devices that sent',
          description: 'Devices of the type with a reading in the time shown.',
          unit: 'short',
          width: 6,
          height: 5,
          queries: [
            {
              query: `${READINGS}\n  |> group(columns: ["device"])\n  |> last()\n  |> group()\n  |> count()`,
            },
          ],
          alerts: ['DevicesGone'],
        },
        {
          kind: 'stat',
          title: 'Readings',
          description: 'Of the type, in the time shown.',
          unit: 'short',
          width: 6,
          height: 5,
          queries: [{ query: `${READINGS}\n  |> group()\n  |> count()` }],
        },
        {
          kind: 'timeseries',
          title: 'Readings by type',
          description: 'Of all types and devices, per interval.',
          unit: 'short',
          width: 12,
          height: 5,
          stacked: true,
          queries: [
            {
              query: `${RANGE}
  |> filter(fn: (r) => r._field == "schemaVersion")
  |> group(columns: ["_measurement"])
  |> aggregateWindow(every: v.windowPeriod, fn: count, createEmpty: true)
  |> keep(columns: ["_time", "_value", "_measurement"])`,
            },
          ],
        },
      ],
    },
    {
      title: 'Values',
      panels: [
        {
          kind: 'timeseries',
          title: '$field',
          description:
            'Mean of each interval, per chosen device and value. Units are those of the schema (docs/events.md).',
          unit: 'none',
          width: 24,
          height: 10,
          queries: [
            {
              query: `import "types"
${RANGE}
  |> filter(fn: (r) => r._measurement == "$type" and r._field =~ /^\${field:regex}$/ and ${CHOSEN})
  |> filter(fn: (r) => types.isNumeric(v: r._value))
  |> aggregateWindow(every: v.windowPeriod, fn: mean, createEmpty: false)
  |> keep(columns: ["_time", "_value", "_field", "device"])`,
            },
          ],
        },
        {
          kind: 'table',
          title: 'Latest reading',
          description: 'The last value of each field, per chosen device.',
          unit: 'none',
          width: 24,
          height: 8,
          queries: [
            {
              query: `${RANGE}
  |> filter(fn: (r) => r._measurement == "$type" and ${CHOSEN})
  |> last()
  |> pivot(rowKey: ["device", "_time"], columnKey: ["_field"], valueColumn: "_value")
  |> drop(columns: ["_start", "_stop", "_measurement"])
  |> group()
  |> sort(columns: ["device", "_time"], desc: true)`,
            },
          ],
        },
      ],
    },
    {
      title: 'Freshness and gaps',
      panels: [
        {
          kind: 'table',
          title: 'Silent the longest',
          description:
            'Devices of the type by the age of their last reading, the hundred oldest. Those that sent nothing in the time shown are missing: npm run devices knows them, and /api/devices?silent-for=.',
          unit: 'none',
          width: 8,
          height: 9,
          columnUnits: { age: 's' },
          queries: [
            {
              query: `${READINGS}
  |> group(columns: ["device"])
  |> last()
  |> map(fn: (r) => ({device: r.device, last: r._time, age: float(v: int(v: now()) - int(v: r._time)) / 1000000000.0}))
  |> group()
  |> sort(columns: ["age"], desc: true)
  |> limit(n: 100)`,
            },
          ],
          alerts: ['DevicesGone'],
        },
        {
          kind: 'table',
          title: 'Gaps in the sequence',
          description:
            'From the first to the last "seq" of the time shown, over all types: how many readings are not in the store. They are on their way, dead-lettered (npm run dlq -- list --device ID) or were never sent; npm run trace -- DEVICE SEQ tells. A device that began to count anew shows a wrong number.',
          unit: 'none',
          width: 8,
          height: 9,
          queries: [
            {
              query: `${RANGE}
  |> filter(fn: (r) => r._field == "seq")
  |> group(columns: ["device"])
  |> reduce(
      identity: {readings: 0, first: 0, last: 0},
      fn: (r, accumulator) => ({
          readings: accumulator.readings + 1,
          first: if accumulator.readings == 0 or r._value < accumulator.first then r._value else accumulator.first,
          last: if accumulator.readings == 0 or r._value > accumulator.last then r._value else accumulator.last,
      }),
  )
  |> map(fn: (r) => ({r with missing: r.last - r.first + 1 - r.readings}))
  |> group()
  |> sort(columns: ["missing"], desc: true)
  |> limit(n: 100)`,
            },
          ],
          alerts: ['AccountingGap', 'DeadLetterRateHigh'],
        },
        {
          kind: 'timeseries',
          title: 'Longest pause between readings',
          description: 'Per interval and chosen device, by device time.',
          unit: 's',
          width: 8,
          height: 9,
          queries: [
            {
              query: `${READINGS}
  |> filter(fn: (r) => ${CHOSEN})
  |> group(columns: ["device"])
  |> sort(columns: ["_time"])
  |> elapsed(unit: 1ms)
  |> map(fn: (r) => ({r with _value: float(v: r.elapsed) / 1000.0}))
  |> aggregateWindow(every: v.windowPeriod, fn: max, createEmpty: false)
  |> keep(columns: ["_time", "_value", "device"])`,
            },
          ],
          alerts: ['DevicesGone'],
        },
      ],
    },
  ],
};
