import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choosePorts } from '#runtime/choose-ports.ts';
import { type KeepRunning, type ServiceControl, startService } from './service-process.ts';
import { isOnPath, requireTools, type Tool } from './tools.ts';

export interface StartPrometheusOptions {
  readonly configFile: string;
  /** Default: a temporary folder, deleted by `close()`. */
  readonly dataDir?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** More options of the program. */
  readonly args?: readonly string[];
  /** The server shall outlive this process; told of each process as soon as it exists. */
  readonly keepRunning?: KeepRunning;
}

/** A running Prometheus or Alertmanager. Both read their configuration again on `POST {url}/-/reload`. */
export interface HttpService extends ServiceControl {
  readonly url: string;
  /** Ends the server; a temporary data folder is deleted. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const PROMETHEUS: Tool = {
  command: 'prometheus',
  purpose: 'the Prometheus server',
  install: 'apt-get install prometheus',
};
const ALERTMANAGER: Tool = {
  command: 'prometheus-alertmanager',
  purpose: 'the Alertmanager of Prometheus',
  install: 'apt-get install prometheus-alertmanager',
};

/** What `npm run services` needs for Prometheus and Alertmanager: Debian's packages, nothing of ours. */
export const MONITORING_TOOLS: readonly Tool[] = [PROMETHEUS, ALERTMANAGER];

export async function startPrometheus(options: StartPrometheusOptions): Promise<HttpService> {
  await requireTools([PROMETHEUS]);
  return startHttpService('prometheus', PROMETHEUS.command, options, (folder, address) => [
    `--config.file=${options.configFile}`,
    `--storage.tsdb.path=${folder}`,
    `--web.listen-address=${address}`,
    '--web.enable-lifecycle',
  ]);
}

export async function startAlertmanager(options: StartPrometheusOptions): Promise<HttpService> {
  // Debian's name for it first, then the one that upstream and other packagers use.
  const command = (await isOnPath(ALERTMANAGER.command)) ? ALERTMANAGER.command : 'alertmanager';
  if (!(await isOnPath(command))) await requireTools([ALERTMANAGER]);
  return startHttpService('alertmanager', command, options, (folder, address) => [
    `--config.file=${options.configFile}`,
    `--storage.path=${folder}`,
    `--web.listen-address=${address}`,
    // No gossip: it would listen on all interfaces, for peers that there are none of.
    '--cluster.listen-address=',
  ]);
}

async function startHttpService(
  name: string,
  command: string,
  options: StartPrometheusOptions,
  argsFor: (folder: string, address: string) => string[],
): Promise<HttpService> {
  const { dataDir, args = [] } = options;
  const root = dataDir ?? (await mkdtemp(join(tmpdir(), `pipeline-${name}-`)));
  await mkdir(root, { recursive: true });
  const [port] = await choosePorts([options.port]);
  const address = `127.0.0.1:${port}`;
  const url = `http://${address}`;
  const server = await startService({
    name,
    command,
    args: [...argsFor(join(root, 'data'), address), ...args],
    logFile: join(root, `${name}.log`),
    isReady: async () => (await fetch(`${url}/-/ready`)).ok,
    keepRunning: options.keepRunning,
  });
  const close = async () => {
    if (server.running) await (dataDir === undefined ? server.kill() : server.stop());
    if (dataDir === undefined) await rm(root, { recursive: true, force: true });
  };
  return Object.assign(server, { url, close, [Symbol.asyncDispose]: close });
}
