import { execFile } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { isOnPath } from '#services/tools.ts';
import { PROMETHEUS_DIR, readAlerts } from './rule-file.ts';

const ROOT = path.join(PROMETHEUS_DIR, '..');
const run = promisify(execFile);

/** The names operators rely on. */
const ALERTS = [
  'ConsumerLagHigh',
  'ConsumerStalled',
  'LagMonitorDown',
  'EventLogUnavailable',
  'DeadLetterRateHigh',
  'DeadLettersExpiring',
  'IngestGatewayDown',
  'MqttSourceDown',
  'FileDescriptorsRunningOut',
  'IngestBackpressure',
  'StoreWritesFailing',
  'RetentionAtRisk',
  'RecordsHeldBack',
  'TopicContradictsPromise',
  'TlsCertificateExpiring',
  'WriteAheadLogGrowing',
  'DataFileRebuilt',
  'EventLogDamaged',
  'DeadLettersFilling',
  'ClockJumped',
  'ClockDisagrees',
  'AccountingGap',
  'DevicesGone',
  'DeviceRefused',
  'DeviceSilent',
  'FilesUnusable',
];

describe('alerts', () => {
  const alerts = readAlerts();

  it('are the ones that operators rely on', () => {
    expect(alerts.map(({ alert }) => alert).toSorted()).toEqual(ALERTS.toSorted());
  });

  it.each(alerts.map((rule) => [rule.alert, rule] as const))(
    '[P7] %s says how bad it is, what it is and what to do, and is tested',
    (name, { labels, annotations, ...rule }) => {
      expect(['warning', 'critical']).toContain(labels['severity']);
      expect(rule.for).toMatch(/^\d+[sm]$/);
      expect(annotations['summary']).toBeTruthy();
      expect(annotations['description']).toBeTruthy();
      expect(annotations['runbook_url']).toBe(`docs/runbooks/${name}.md`);
      const runbook = readFileSync(path.join(ROOT, 'docs', 'runbooks', `${name}.md`), 'utf8');
      for (const heading of [`# ${name}`, '## Means', '## See why', '## Do', '## Over when']) {
        expect(runbook.split('\n'), `heading of the runbook of ${name}`).toContain(heading);
      }
      expect(existsSync(path.join(PROMETHEUS_DIR, 'tests', `${name}.yml`))).toBe(true);
    },
  );

  it('have no runbook without an alert', () => {
    expect(readdirSync(path.join(ROOT, 'docs', 'runbooks')).toSorted()).toEqual(
      [...ALERTS.map((name) => `${name}.md`), 'README.md'].toSorted(),
    );
  });
});

describe('Prometheus configurations', () => {
  it('differ in their targets only', () => {
    const withoutTargets = (name: string) => {
      const {
        scrape_configs: _,
        alerting: __,
        ...rest
      } = parse(readFileSync(path.join(PROMETHEUS_DIR, name), 'utf8'));
      return rest;
    };
    expect(withoutTargets('standalone.yml')).toEqual(withoutTargets('prometheus.yml'));
    expect(withoutTargets('local.yml')).toEqual(withoutTargets('prometheus.yml'));
  });
});

/** Why the tests below cannot run; they must where the real services are required. */
const missing = (
  await Promise.all(['promtool', 'amtool'].map(async (tool) => ((await isOnPath(tool)) ? [] : [tool])))
).flat();
const skipped = missing.length > 0 && process.env['REQUIRE_REAL_SERVICES'] !== '1';

describe.skipIf(skipped)(`as Prometheus judges them${skipped ? ` (no ${missing.join(', ')})` : ''}`, () => {
  it.each(['prometheus.yml', 'standalone.yml', 'local.yml'])('%s is valid', async (name) => {
    await run('promtool', ['check', 'config', path.join(PROMETHEUS_DIR, name)]);
  });

  it('alertmanager.yml is valid', async () => {
    await run('amtool', ['check-config', path.join(PROMETHEUS_DIR, 'alertmanager.yml')]);
  });

  it.each(readdirSync(path.join(PROMETHEUS_DIR, 'tests')))(
    '[P7] %s: fires, does not fire, resolves',
    async (name) => {
      const file = path.join(PROMETHEUS_DIR, 'tests', name);
      const { stdout } = await run('promtool', ['test', 'rules', file]).catch((error) => {
        throw new Error(`${error.stdout}${error.stderr}`);
      });
      expect(stdout).toContain('SUCCESS');
    },
  );
});
