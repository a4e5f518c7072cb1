import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parse, stringify } from 'yaml';
import { PROMETHEUS_DIR, type RuleFile, readRuleFiles } from './rule-file.ts';

export interface MonitoringOptions {
  /** Which configuration of prometheus/. */
  readonly config: 'standalone.yml' | 'local.yml';
  /** `host:port` for each job of it. */
  readonly targets: Readonly<Record<string, string>>;
  /** `host:port` of the Alertmanager; none, when nobody shall be told. */
  readonly alertmanager?: string;
  /** What to make of the rules. */
  readonly change?: (file: RuleFile) => RuleFile;
}

/**
 * The configuration of prometheus/ with other addresses, and a scrape and an evaluation every second.
 *
 * @returns path of the configuration file, in `folder`
 */
export async function writePrometheusConfig(folder: string, options: MonitoringOptions): Promise<string> {
  const { targets, alertmanager, change = (file) => file } = options;
  const rulesFolder = path.join(folder, 'rules');
  await mkdir(rulesFolder, { recursive: true });
  for (const [name, file] of readRuleFiles()) {
    await writeFile(path.join(rulesFolder, name), stringify(change(file)));
  }
  const config = parse(await readFile(path.join(PROMETHEUS_DIR, options.config), 'utf8'));
  Object.assign(config.global, { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' });
  for (const job of config.scrape_configs) {
    const target = targets[job.job_name];
    // An optional one, whose file is not there.
    if (target === undefined && job.file_sd_configs !== undefined) continue;
    if (target === undefined) throw new Error(`no target for the job ${job.job_name}`);
    job.static_configs = [{ targets: [target] }];
  }
  config.alerting =
    alertmanager === undefined
      ? undefined
      : { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] };
  const file = path.join(folder, 'prometheus.yml');
  await writeFile(file, stringify(config));
  return file;
}

/** prometheus/alertmanager.yml with a webhook as its receiver, and without its patience. */
export async function writeAlertmanagerConfig(folder: string, webhookUrl: string): Promise<string> {
  const config = parse(await readFile(path.join(PROMETHEUS_DIR, 'alertmanager.yml'), 'utf8'));
  Object.assign(config.route, { group_wait: '1s', group_interval: '2s' });
  config.receivers = [
    { name: config.route.receiver, webhook_configs: [{ url: webhookUrl, send_resolved: true }] },
  ];
  const file = path.join(folder, 'alertmanager.yml');
  await writeFile(file, stringify(config));
  return file;
}

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

/** An instant query. @throws what Prometheus says is wrong with it */
export async function askPrometheus(url: string, query: string): Promise<readonly Sample[]> {
  const response = await fetch(`${url}/api/v1/query`, {
    method: 'POST',
    body: new URLSearchParams({ query }),
  });
  const answer = (await response.json()) as { error?: string; data?: { result: readonly Sample[] } };
  if (answer.data === undefined) throw new Error(`${query}: ${answer.error}`);
  return answer.data.result;
}

/** The one value of a query, or undefined. */
export async function askForNumber(url: string, query: string): Promise<number | undefined> {
  const [sample] = await askPrometheus(url, query);
  return sample === undefined ? undefined : Number(sample.value[1]);
}
