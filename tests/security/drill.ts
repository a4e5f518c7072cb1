import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { choosePorts } from '#runtime/choose-ports.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';
import type { Attack, Target } from '#tests/security/attack.ts';
import { GoodFleetProcess } from '#tests/security/good-fleet/fleet-process.ts';
import type { Experience } from '#tests/security/good-fleet/good-fleet.ts';

export interface DrillOptions {
  readonly goodDevices: number;
  /** Messages a second of each good device. */
  readonly rate: number;
  readonly beforeMs: number;
  readonly attackMs: number;
  /** From the end of the attack until memory is looked at. */
  readonly afterMs: number;
}

export interface DrillResult {
  readonly attack: string;
  readonly what: string;
  /** Acknowledged of what was due, 0–1, before and during the attack. */
  readonly shareBefore: number;
  readonly shareDuring: number;
  readonly during: Experience;
  /** Resident memory of the pipeline, MiB. */
  readonly memory: { readonly before: number; readonly peak: number; readonly after: number };
  readonly seenIn: string;
  /** By how much that series rose. */
  readonly seen: number;
  /** Messages of good devices that were never acknowledged. */
  readonly lost: number;
  /** decoded = appended + dead-lettered + unconfirmed, and nothing unconfirmed in the end. */
  readonly booksClose: boolean;
  readonly alive: boolean;
}

const MEMORY_LOOK_MS = 200;
const PATIENCE_MS = 60_000;

/** One attack on a fresh pipeline (the embedded default, one process), with good devices beside it. */
export async function drill(attack: Attack, options: DrillOptions): Promise<DrillResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'security-drill-'));
  const [mqttPort, webSocketPort, httpPort] = (await choosePorts([undefined, undefined, undefined])) as [
    number,
    number,
    number,
  ];
  const target: Target = { mqttPort, webSocketPort, httpPort };
  const env = {
    DATA_DIR: folder,
    MQTT_PORT: String(mqttPort),
    MQTT_WS_PORT: String(webSocketPort),
    LOG_LEVEL: 'error',
  };
  try {
    await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort });
    await pipeline.start();
    await using fleet = await GoodFleetProcess.start({
      port: mqttPort,
      devices: options.goodDevices,
      rate: options.rate,
    });
    await sleep(options.beforeMs / 2);
    await fleet.experience();
    await sleep(options.beforeMs / 2);
    const before = await fleet.experience();
    const memory = new MemoryWatch(pipeline.pid as number);
    const seenBefore = await series(httpPort, attack.seenIn);

    await attack.run(target, AbortSignal.timeout(options.attackMs));
    const during = await fleet.experience();
    await sleep(options.afterMs);
    const seen = (await series(httpPort, attack.seenIn)) - seenBefore;
    const lost = await fleet.finish(PATIENCE_MS);
    return {
      attack: attack.name,
      what: attack.what,
      shareBefore: shareOf(before),
      shareDuring: shareOf(during),
      during,
      memory: memory.stop(),
      seenIn: attack.seenIn,
      seen,
      lost,
      booksClose: await booksClose(httpPort),
      alive: await isAlive(httpPort),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const shareOf = ({ acknowledged, due }: Experience): number => acknowledged / Math.max(1, due);

/** The value of a series; all of a family's when no labels are given. 0 while it is not there. */
async function series(httpPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${httpPort}/metrics`)).text();
  const wanted = name.includes('{') ? `${name} ` : name;
  return text
    .split('\n')
    .filter((line) => line.startsWith(wanted) && /^[{ ]/.test(line.slice(name.length)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

async function booksClose(httpPort: number): Promise<boolean> {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (performance.now() < giveUpAt) {
    const books = (await (await fetch(`http://127.0.0.1:${httpPort}/api/accounting`)).json()) as Record<
      string,
      number
    >;
    const { decoded = NaN, appended = NaN, deadLettered = NaN, unconfirmed = NaN } = books;
    if (decoded === appended + deadLettered && unconfirmed === 0) return true;
    await sleep(500);
  }
  return false;
}

async function isAlive(httpPort: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${httpPort}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Resident memory of a process, from Linux's /proc. */
class MemoryWatch {
  readonly #pid: number;
  readonly #before: number;
  readonly #timer: NodeJS.Timeout;
  #peak = 0;

  constructor(pid: number) {
    this.#pid = pid;
    this.#before = this.#resident();
    this.#timer = setInterval(() => {
      this.#peak = Math.max(this.#peak, this.#resident());
    }, MEMORY_LOOK_MS);
  }

  stop(): DrillResult['memory'] {
    clearInterval(this.#timer);
    return { before: this.#before, peak: this.#peak, after: this.#resident() };
  }

  #resident(): number {
    try {
      const status = readFileSync(`/proc/${this.#pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    } catch {
      return Number.NaN;
    }
  }
}
