import { LIMITS } from '#contract/limits.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';

interface EventDescription {
  readonly name: string;
  readonly where: string;
  readonly emittedBy: string;
  readonly key: string;
  readonly value: string;
  readonly headers: readonly (readonly [name: string, meaning: string])[];
  readonly causes: string;
}

const REPLAY_HEADERS = [
  ['dlq.attempt', 'only on replayed records: how often the reading was replayed'],
  ['dlq.first-failed-at', 'only on replayed records: when it was refused first (ms since the epoch)'],
  ['dlq.corrected', 'only on payloads that a person corrected: the letter with what the device sent'],
] as const;

const TRACE_HEADERS = [
  ['traceparent', 'only when the device sent it, as a user property of MQTT 5 (W3C Trace Context)'],
  ['tracestate', 'likewise'],
] as const;

const LABELS_HEADER = [
  'labels',
  `what the operator said of the device when the message was received (the credentials file, [devices.md](devices.md)), and the tags that a mapping gives: a JSON object of texts, at most ${LIMITS.labelBytes} bytes; missing when nothing is said`,
] as const;

const MEASUREMENT_HEADER = [
  'measurement',
  'what the store calls it, when the mapping says so ([mapping.md](mapping.md)); else the type of the reading',
] as const;

const MAPPING_HEADERS = [
  ['mapping.source', 'of a message on a foreign topic: the mapping that knew the topic'],
  ['mapping.rule', 'the topic pattern of its rule'],
] as const;

/** Every event of the pipeline, in the order in which a reading meets them. */
export const EVENTS: readonly EventDescription[] = [
  {
    name: 'Reading published',
    where: 'MQTT topic `devices/{deviceId}/telemetry`',
    emittedBy: 'a device (or the simulator)',
    key: 'the device id, from the topic; never from the payload',
    value: `one reading, or an array of 1–${LIMITS.readingsPerMessage} readings, UTF-8 JSON, at most ${LIMITS.payloadBytes / 1024} KiB`,
    headers: [],
    causes:
      'Readings accepted, a Dead letter for each refused one, or both; then the PUBACK (QoS 1) or PUBREC (QoS 2), which with MQTT 5 says which ([mqtt5.md](mqtt5.md)). No PUBACK, and a closed connection, when they could not be made durable in time.',
  },
  {
    name: 'Foreign message published',
    where: 'any other MQTT topic that a mapping knows (`MAPPINGS`, `MAPPING_DIR`)',
    emittedBy: 'deployed firmware, a bridge, a gateway box',
    key: 'whatever its mapping says: from the topic, from the payload, or the client id',
    value: 'what the firmware sends; [mapping.md](mapping.md) says how it becomes readings',
    headers: [],
    causes:
      'as above, with readings of one device or of many; nothing at all when its mapping ignores it, then the acknowledgement comes at once.',
  },
  {
    name: 'Readings accepted',
    where: 'event-log topic `telemetry.readings` (`TELEMETRY_TOPIC`)',
    emittedBy: 'ingest-gateway; `npm run dlq -- replay|submit`',
    key: 'device id',
    value:
      'the accepted payload’s own bytes; of an array with refused elements only the accepted ones; of a message on a foreign topic the readings that its mapping makes, one record a device',
    headers: [
      ['readings', 'how many readings the value holds'],
      ['received-at', 'when the gateway received the message (ms since the epoch, clock of the gateway)'],
      ['gateway', 'which gateway'],
      LABELS_HEADER,
      ...TRACE_HEADERS,
      ...REPLAY_HEADERS,
      ['mqtt.topic', 'only on readings that a mapping made: the topic of the original message'],
      ...MAPPING_HEADERS,
      MEASUREMENT_HEADER,
    ],
    causes: 'a Point in the store for each reading, or a Dead letter of the telemetry-writer.',
  },
  {
    name: 'Dead letter',
    where: 'event-log topic `telemetry.readings.dlq` (`DEAD_LETTER_TOPIC`)',
    emittedBy:
      'ingest-gateway (before the PUBACK); telemetry-writer (before the commit); `npm run dlq -- replay|submit`',
    key: 'device id (of a foreign record: its own key)',
    value:
      'the exact bytes of what was refused: the whole message (on foreign topics always), or the one element of an array',
    headers: [
      ['dlq.reason', `one of ${REJECT_REASONS.map((reason) => `\`${reason}\``).join(', ')}`],
      [
        'dlq.detail',
        `what is wrong, as JSON of at most ${LIMITS.deadLetterDetailBytes / 1024} KiB: schema errors, or the store’s own words`,
      ],
      ['dlq.stage', '`gateway` or `telemetry-writer`'],
      ['dlq.index', 'position in a batch message, if it came in one'],
      ['dlq.attempt', 'how often it was replayed before'],
      ['dlq.first-failed-at', 'when it was refused first (ms since the epoch)'],
      ['dlq.original-reason', 'on parked letters (`replay-limit`): the reason before'],
      ['received-at', 'when the gateway received it (ms since the epoch)'],
      ['mqtt.topic', 'topic it was published to (letters of the gateway)'],
      ...MAPPING_HEADERS,
      MEASUREMENT_HEADER,
      [
        'dlq.path',
        'of an element of such a message: its place in it, a JSON Pointer; the value is the whole message then',
      ],
      ['mqtt.client-id', 'client that published it (letters of the gateway)'],
      LABELS_HEADER,
      ...TRACE_HEADERS,
      [
        'x-original-topic',
        'topic of the record it came from (letters of the telemetry-writer), as Kafka UIs know it',
      ],
      ['x-original-partition', 'its partition'],
      ['x-original-offset', 'its offset'],
    ],
    causes: 'nothing by itself: it waits to be listed and replayed. See [dead-letters.md](dead-letters.md).',
  },
  {
    name: 'Dead letter outcome',
    where: 'event-log topic `telemetry.readings.dlq.state` (`DEAD_LETTER_STATE_TOPIC`), compacted',
    emittedBy: '`npm run dlq -- replay`, after the result is durable',
    key: 'letter id, `<partition>-<offset>` of the dead letter',
    value: 'JSON: what became of the letter',
    headers: [],
    causes: 'the letter is no longer listed as pending.',
  },
  {
    name: 'Point stored',
    where: 'telemetry store: measurement = device type, tag `device`, time = `ts` (ms)',
    emittedBy: 'telemetry-writer',
    key: '(measurement, device, time): the same identity merges fields',
    value: 'the values of the reading as fields, plus integer fields `seq` (when sent) and `schemaVersion`',
    headers: [],
    causes:
      'the offset of its record is committed, once every reading of the batch is stored or dead-lettered.',
  },
];

/** `docs/events.md`. */
export function eventsDocument(schemas: SchemaRegistry): string {
  const lines = [
    '# Events',
    '',
    'What travels through the pipeline: who emits it, where it stands, what it causes. Generated by `npm run docs` from',
    '`contract/`; a test keeps it in step. The same as a machine reads it: [asyncapi.yaml](asyncapi.yaml).',
    '',
  ];
  for (const event of EVENTS) {
    lines.push(`## ${event.name}`, '', `- **Where:** ${event.where}`, `- **Emitted by:** ${event.emittedBy}`);
    lines.push(`- **Key:** ${event.key}`, `- **Value:** ${event.value}`, `- **Causes:** ${event.causes}`);
    if (event.headers.length > 0) {
      lines.push('', '| header | meaning |', '|---|---|');
      for (const [name, meaning] of event.headers) lines.push(`| \`${name}\` | ${meaning} |`);
    }
    lines.push('');
  }
  lines.push('## Readings', '', ...readingText());
  for (const schema of schemas.values()) lines.push(...schemaTable(schema));
  return `${lines.join('\n').trimEnd()}\n`;
}

function readingText(): string[] {
  return [
    '```json',
    '{"schema": "environment/1", "ts": 1764000000000, "seq": 17, "values": {"temperature": 21.53, "humidity": 44.1}}',
    '```',
    '',
    '| key | meaning |',
    '|---|---|',
    '| `schema` | `<type>/<version>`: the file `contract/schemas/<type>/<version>.json` judges `values` |',
    `| \`ts\` | device time, whole milliseconds since the epoch; at receipt between ${LIMITS.maxAgeMs / 86_400_000} days ago and ${LIMITS.maxSkewMs / 60_000} minutes ahead, unless the schema says otherwise (\`x-max-age-ms\`, \`x-max-skew-ms\`) |`,
    '| `seq` | optional whole number from 0, grows by one per reading of a device |',
    '| `values` | see below |',
    '',
    'Unknown keys and keys that come twice are refused, and so are numbers beyond ±(2^53 − 1), which JSON readers do not agree on.',
    '',
  ];
}

function schemaTable(schema: ReadingSchema): string[] {
  const rows = [...schema.fields.values()].map((field) => {
    const { minimum, maximum, description } = field.schema;
    const bounds =
      minimum === undefined && maximum === undefined ? '' : `${minimum ?? '−∞'} … ${maximum ?? '∞'}`;
    return `| \`${field.name}\` | ${field.kind} | ${field.unit} | ${bounds} | ${field.required ? 'yes' : ''} | ${description ?? ''} |`;
  });
  return [
    `### \`${schema.name}\`: ${schema.content.title ?? schema.type}`,
    '',
    '| value | kind | unit | range | required | meaning |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ];
}
