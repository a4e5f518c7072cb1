import { Registry } from 'prom-client';
import { createConsoleTelemetry } from '#console/server/telemetry.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { createEmbeddedLogTelemetry } from '#event-log/embedded/telemetry.ts';
import { createKafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import { createSourceTelemetry } from '#ingest-gateway/source/telemetry.ts';
import { createIngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { createDeadLetterTelemetry } from '#processors/dead-letters/telemetry.ts';
import { createLagTelemetry } from '#processors/lag-monitor/telemetry.ts';
import { createTopicTelemetry } from '#processors/lag-monitor/topic-telemetry.ts';
import { createWriterTelemetry } from '#processors/telemetry-writer/telemetry.ts';
import { createContractTelemetry } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import { createHttpMetrics } from '#runtime/http-server.ts';
import { createLogger } from '#runtime/logger.ts';
import { createEmbeddedStoreTelemetry } from '#telemetry-store/embedded/telemetry.ts';

export interface DocumentedMetric {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly unit: string;
  /** Label names with their values; none where they are not a closed list (`OPEN_LABELS` says what they are). */
  readonly labels: ReadonlyMap<string, readonly string[]>;
  readonly processes: readonly ProcessName[];
}

export const PROCESS_NAMES = [
  'ingest-gateway',
  'mqtt-source',
  'processors',
  'lag-monitor',
  'standalone',
  'console',
] as const;
export type ProcessName = (typeof PROCESS_NAMES)[number];

/** Labels whose values are names of the installation. */
const OPEN_LABELS: Readonly<Record<string, string>> = {
  consumergroup: 'a consumer group (`CONSUMER_GROUP`)',
  topic: 'a topic (`TELEMETRY_TOPIC`, `DEAD_LETTER_TOPIC`)',
  broker: 'host and port of a broker (`MQTT_SOURCE_URL`)',
  node: 'id of a Kafka broker (its `node.id`)',
  source: 'the `source` of a mapping file (`MAPPINGS`, `MAPPING_DIR`)',
  partition: 'number of a partition, from 0',
};

/**
 * Every metric of the pipeline, from the registries that its processes would have: their telemetry is created, and told
 * once what makes series that do not exist from the start.
 */
export async function listMetrics(schemas: SchemaRegistry): Promise<readonly DocumentedMetric[]> {
  const all = new Map<string, DocumentedMetric>();
  for (const process of PROCESS_NAMES) {
    for (const metric of await metricsOf(process, schemas)) {
      const known = all.get(metric.name);
      all.set(metric.name, {
        ...metric,
        labels: bothLabels(known?.labels ?? new Map(), metric.labels),
        processes: [...(known?.processes ?? []), process],
      });
    }
  }
  return [...all.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function metricsOf(process: ProcessName, schemas: SchemaRegistry): Promise<DocumentedMetric[]> {
  const metrics = new Registry();
  const log = createLogger({ name: 'docs', level: 'fatal' }, { write: () => undefined });
  const deps: Deps = { log, metrics, now: () => 0, random: () => 0 };
  const standalone = process === 'standalone';
  createContractTelemetry(deps, () => true);
  createHttpMetrics(metrics);
  if (standalone || process === 'console') createConsoleTelemetry(deps, undefined);

  const embeddedTelemetry = standalone ? createEmbeddedLogTelemetry(deps) : undefined;
  embeddedTelemetry?.sizeMeasured({ usedBytes: 0, walBytes: 0 }, 1);
  const share = { bytes: 0, maxBytes: 1, fullestKey: null, fullestKeyBytes: 0, maxKeyBytes: 1 };
  embeddedTelemetry?.shareMeasured('topic', share, false);
  if (standalone) createEmbeddedStoreTelemetry(deps, () => 0);
  const logTelemetry = embeddedTelemetry ?? createKafkaTelemetry(deps);
  if (standalone || process === 'processors') logTelemetry.consumerStarted('topic', 'group');
  const takesIn = process === 'ingest-gateway' || process === 'mqtt-source';
  // Who appends learns the brokers' clocks; the console with its first change of a letter.
  const appends = takesIn || process === 'processors' || process === 'console';
  if ('brokerClockSeen' in logTelemetry && appends) logTelemetry.brokerClockSeen(1, 0);
  if (!takesIn) {
    logTelemetry.oldestRecordSeen('topic', 0);
    logTelemetry.retentionKnown('topic', 0);
  }
  if (standalone || takesIn) {
    const idle = {
      connectedDevices: 0,
      inflightMessages: 0,
      inflightBytes: 0,
      pausedDevices: 0,
      unreadBytes: 0,
      waitingLogins: 0,
      fileProblems: {
        credentials: undefined,
        bans: undefined,
        certificates: undefined,
        'token-keys': undefined,
      },
      devicesOffClock: { ahead: 0, behind: 0 },
      watched: { known: 0, refused: 0, silent: { open: 0, closed: 0 } },
    };
    const ingest = createIngestTelemetry(deps, [...schemas.keys()], () => idle);
    ingest.messageMapped('source', 'mapped');
    if (process !== 'mqtt-source') ingest.certificatesLoaded('file', { server: 0, ca: 0 });
  }
  if (standalone || process === 'mqtt-source') {
    const level = { broker: 'broker', connected: false, inflightMessages: 0, paused: false };
    createSourceTelemetry(deps, () => [level])('broker', 'client');
  }
  if (standalone || process === 'processors') createWriterTelemetry(deps, schemas);
  if (standalone || process === 'lag-monitor') {
    const none = { records: 0, seconds: 0 };
    const nothing = { ...none, committedOffset: 0, endOffset: 0, oldestOffset: 0 };
    // Others write to Kafka, too, and change its topics.
    const lag = { partition: 0, ...nothing, ...(!standalone && { heldBack: none }) };
    createLagTelemetry(deps, () => [[{ topic: 'topic', group: 'group' }, [lag]]]);
    createTopicTelemetry(deps).judged(new Map(standalone ? [] : [['topic', []]]));
    createDeadLetterTelemetry(deps, 0).looked(new Map(REJECT_REASONS.map((reason) => [reason, 0])), 0, 0);
  }

  const described = await metrics.getMetricsAsJSON();
  return described
    .filter(({ values }) => values.length > 0)
    .map(({ name, help, type, values }) => ({
      name,
      help,
      // The library's declarations say a number.
      type: String(type),
      unit: unitOf(name),
      labels: labelsOf(values),
      processes: [process],
    }));
}

function labelsOf(
  series: readonly { readonly labels: Readonly<Record<string, unknown>> }[],
): Map<string, readonly string[]> {
  const labels = new Map<string, Set<string>>();
  for (const { labels: ofSeries } of series) {
    for (const [label, value] of Object.entries(ofSeries)) {
      // Of histograms: their buckets, not a label that anybody chose.
      if (label === 'le') continue;
      const values = labels.get(label) ?? new Set();
      labels.set(label, label in OPEN_LABELS ? values : values.add(String(value)));
    }
  }
  return new Map([...labels].map(([label, values]) => [label, [...values]]));
}

/** A process may know values that others do not. */
function bothLabels(
  some: DocumentedMetric['labels'],
  others: DocumentedMetric['labels'],
): DocumentedMetric['labels'] {
  const labels = new Set([...some.keys(), ...others.keys()]);
  return new Map(
    [...labels].map((label) => [
      label,
      [...new Set([...(some.get(label) ?? []), ...(others.get(label) ?? [])])],
    ]),
  );
}

/** By the naming rules of Prometheus the unit is the suffix; what has none counts something, as its help says. */
function unitOf(name: string): string {
  if (name === 'event_log_up') return '0 or 1';
  if (name.endsWith('_timestamp_seconds')) return 'seconds since the epoch';
  if (name.endsWith('_seconds')) return 'seconds';
  if (name.endsWith('_bytes')) return 'bytes';
  if (name.endsWith('_offset')) return 'offset';
  return 'count';
}

/** `docs/metrics.md`. */
export async function metricsDocument(schemas: SchemaRegistry): Promise<string> {
  const lines = [
    '# Metrics',
    '',
    'What each process tells Prometheus at `/metrics`. Generated by `npm run docs` from the registries of the processes; a',
    'test keeps it in step, and another one compares it with what running processes export. Counters restart with their',
    'process. No label names a device. Labels with a closed list of values have all their series from the start, with 0;',
    'a gauge whose value is not known has no series. Besides these, each process exports the usual `process_*` and',
    '`nodejs_*` metrics of prom-client, without those that walk over all connections (`nodejs_active_handles`,',
    '`nodejs_active_resources`); `process_open_fds` may be 30 s old on Linux before 6.2. Alerts:',
    '[runbooks](runbooks/README.md); dashboards:',
    '[grafana/README.md](../grafana/README.md).',
    '',
    '| metric | type | unit | labels | meaning | exported by |',
    '|---|---|---|---|---|---|',
  ];
  const metrics = await listMetrics(schemas);
  for (const { name, type, unit, labels, help, processes } of metrics) {
    const names = [...labels.keys()].map((label) => `\`${label}\``).join(', ');
    lines.push(`| \`${name}\` | ${type} | ${unit} | ${names} | ${help} | ${processes.join(', ')} |`);
  }
  lines.push('', '## Values of the labels', '', '| metric | label | values |', '|---|---|---|');
  for (const [label, meaning] of Object.entries(OPEN_LABELS)) lines.push(`| | \`${label}\` | ${meaning} |`);
  for (const { name, labels } of metrics) {
    for (const [label, values] of labels) {
      if (label in OPEN_LABELS) continue;
      lines.push(`| \`${name}\` | \`${label}\` | ${values.map((value) => `\`${value}\``).join(', ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}
