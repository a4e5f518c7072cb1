import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choosePorts } from '#runtime/choose-ports.ts';
import type { PartsOptions } from './cache.ts';
import { influxDbApi, type TokenScope } from './influxdb-api.ts';
import { influxDbCommand } from './influxdb-parts.ts';
import { type KeepRunning, type ServiceControl, startService } from './service-process.ts';

export interface StartInfluxDbOptions extends PartsOptions {
  /** Default: a temporary folder, deleted by `close()`. */
  readonly dataDir?: string | undefined;
  /** Default: a free one. */
  readonly port?: number | undefined;
  /** The bucket that exists from the start, keeping everything; default `telemetry`. */
  readonly bucket?: string;
  /** More options of `influxd`, for example `--storage-write-timeout=1s`. */
  readonly args?: readonly string[];
  /** The server shall outlive this process; told of each process as soon as it exists. */
  readonly keepRunning?: KeepRunning;
}

export interface InfluxDb extends ServiceControl {
  readonly url: string;
  /** May do everything. */
  readonly token: string;
  readonly org: string;
  readonly bucket: string;
  /** `retentionSeconds` 0, the default, keeps everything; the server's least is an hour. Returns the id. */
  createBucket(name: string, options?: { readonly retentionSeconds?: number }): Promise<string>;
  /** A token that may only read and/or write these buckets (by name). */
  createToken(scope: TokenScope): Promise<string>;
  /** Ends the server; a temporary data folder is deleted. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const ORG = 'iot';

/** Starts a real InfluxDB 2 on loopback, sets it up on its first start in this data folder, and resolves when it serves. */
export async function startInfluxDb(options: StartInfluxDbOptions = {}): Promise<InfluxDb> {
  const { dataDir, bucket = 'telemetry', args = [] } = options;
  const command = await influxDbCommand(options);
  const root = dataDir ?? (await mkdtemp(join(tmpdir(), 'pipeline-influxdb-')));
  await mkdir(root, { recursive: true });
  const [port] = await choosePorts([options.port]);
  const url = `http://127.0.0.1:${port}`;
  const server = await startService({
    name: 'influxdb',
    command,
    args: [
      `--http-bind-address=127.0.0.1:${port}`,
      `--bolt-path=${join(root, 'influxd.bolt')}`,
      `--sqlite-path=${join(root, 'influxd.sqlite')}`,
      `--engine-path=${join(root, 'engine')}`,
      '--reporting-disabled',
      '--ui-disabled',
      // Profiling records where every 4 KiB were allocated: a sixth of what a write costs.
      '--pprof-disabled',
      '--log-level=warn',
      ...args,
    ],
    logFile: join(root, 'influxdb.log'),
    isReady: async () => (await fetch(`${url}/health`)).ok,
    keepRunning: options.keepRunning,
  });
  const close = async () => {
    if (server.running) await (dataDir === undefined ? server.kill() : server.stop());
    if (dataDir === undefined) await rm(root, { recursive: true, force: true });
  };
  try {
    const token = await ensureSetup(url, join(root, 'admin-token'), bucket);
    const address = { url, token, org: ORG, bucket };
    return Object.assign(server, address, influxDbApi(address), { close, [Symbol.asyncDispose]: close });
  } catch (error) {
    await close();
    throw error;
  }
}

/** The server tells the admin token once, at set-up: we choose it, and keep it beside the data it opens. */
async function ensureSetup(url: string, tokenFile: string, bucket: string): Promise<string> {
  const { allowed } = (await (await fetch(`${url}/api/v2/setup`)).json()) as { allowed: boolean };
  if (!allowed) return (await readFile(tokenFile, 'utf8')).trim();
  const token = randomBytes(32).toString('base64url');
  await writeFile(tokenFile, `${token}\n`, { mode: 0o600 });
  const password = randomBytes(24).toString('base64url');
  const response = await fetch(`${url}/api/v2/setup`, {
    method: 'POST',
    body: JSON.stringify({ username: 'admin', password, org: ORG, bucket, token }),
  });
  if (!response.ok)
    throw new Error(`setting InfluxDB up failed: ${response.status} ${await response.text()}`);
  return token;
}
