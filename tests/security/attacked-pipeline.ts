import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePorts } from '#runtime/choose-ports.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import type { Target } from './attack.ts';
import { GoodFleetProcess } from './good-fleet/fleet-process.ts';
import { writeCredentials } from './logins.ts';

export interface AttackedPipelineOptions {
  readonly goodDevices: number;
  /** Messages a second of each good device. */
  readonly rate: number;
  /** More variables for the pipeline. */
  readonly env?: Readonly<Record<string, string>>;
}

const PATIENCE_MS = 60_000;
const LOOK_MS = 500;

/** The embedded default in a process of its own, on fresh data, with good devices that publish all the time. */
export class AttackedPipeline implements AsyncDisposable {
  readonly target: Target;
  readonly fleet: GoodFleetProcess;
  readonly #folder: string;
  readonly #process: PipelineProcess;

  private constructor(target: Target, folder: string, process: PipelineProcess, fleet: GoodFleetProcess) {
    this.target = target;
    this.#folder = folder;
    this.#process = process;
    this.fleet = fleet;
  }

  static async start({
    goodDevices: devices,
    rate,
    env: more,
  }: AttackedPipelineOptions): Promise<AttackedPipeline> {
    const folder = mkdtempSync(path.join(tmpdir(), 'attacked-pipeline-'));
    await writeCredentials(path.join(folder, 'devices.json'));
    const ports = await choosePorts([undefined, undefined, undefined]);
    const [mqttPort, webSocketPort, httpPort] = ports as [number, number, number];
    const env = {
      DATA_DIR: folder,
      MQTT_PORT: String(mqttPort),
      MQTT_WS_PORT: String(webSocketPort),
      DEVICE_CREDENTIALS_FILE: path.join(folder, 'devices.json'),
      // Those that are not in the file need no password.
      ALLOW_ANONYMOUS: 'true',
      LOG_LEVEL: 'error',
      ...more,
    };
    const process = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    try {
      await process.start();
      const fleet = await GoodFleetProcess.start({ port: mqttPort, devices, rate });
      return new AttackedPipeline({ mqttPort, webSocketPort, httpPort }, folder, process, fleet);
    } catch (error) {
      await process.kill();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** What it wrote, for the message when it died. */
  get output(): string {
    return this.#process.output;
  }

  /** Resident memory, MiB; from Linux's /proc. `NaN` when it is dead. */
  residentMiB(): number {
    try {
      const status = readFileSync(`/proc/${this.#process.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    } catch {
      return Number.NaN;
    }
  }

  /** The value of a series with labels; without, the sum of its family. 0 while it is not there. */
  async series(name: string): Promise<number> {
    const text = await (await fetch(this.#url('/metrics'))).text();
    return text
      .split('\n')
      .filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)))
      .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
  }

  /** decoded = appended + dead-lettered, and nothing unconfirmed, as soon as what is in flight is done. */
  async booksClose(): Promise<boolean> {
    const giveUpAt = performance.now() + PATIENCE_MS;
    while (performance.now() < giveUpAt) {
      const books: unknown = await (await fetch(this.#url('/api/accounting'))).json();
      const { decoded, appended, deadLettered, unconfirmed } = books as Record<string, number>;
      if (decoded === (appended ?? NaN) + (deadLettered ?? NaN) && unconfirmed === 0) return true;
      await sleep(LOOK_MS);
    }
    return false;
  }

  isReady(): Promise<boolean> {
    return fetch(this.#url('/readyz')).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fleet[Symbol.asyncDispose]();
    await this.#process.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #url(route: string): string {
    return `http://127.0.0.1:${this.target.httpPort}${route}`;
  }
}
