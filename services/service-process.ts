import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  endProcess,
  identifyProcess,
  isAlive,
  type ProcessIdentity,
  signalProcess,
  waitForEnd,
} from './process-identity.ts';

/** What tests and drills do to a real service. Everything goes to one process by its identity, never by a name. */
export interface ServiceControl {
  readonly name: string;
  /** Id of the running process, or of the last one. */
  readonly pid: number;
  readonly identity: ProcessIdentity;
  readonly running: boolean;
  /** Standard output and error of all runs, appended. */
  readonly logFile: string;
  /** Starts it again on the same port and data; resolves when it serves. */
  start(): Promise<void>;
  /** Orderly end: TERM, and KILL when that takes too long. */
  stop(): Promise<void>;
  /** Sends `signal` (default SIGKILL) and resolves when the process is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers any more. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
}

/**
 * Given, the process outlives the one that started it, and this is called as soon as it exists: it must be written down
 * before anything else can go wrong. Not given, it is killed when its starter exits without having closed it.
 */
export type KeepRunning = (started: ServiceControl) => void;

export interface ServiceProcessOptions {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly logFile: string;
  /** Asked every 50 ms; `log` gives what this run has logged so far. A rejection means "not yet". */
  readonly isReady: (log: () => Promise<string>) => Promise<boolean>;
  readonly keepRunning?: KeepRunning | undefined;
  readonly startTimeoutMs?: number;
  readonly stopGraceMs?: number;
}

const LOG_TAIL_LINES = 25;

/** Starts the service and resolves with its control when it serves; else the error shows the end of its log. */
export async function startService(options: ServiceProcessOptions): Promise<ServiceControl> {
  const service = new ServiceProcess(options);
  await service.start();
  return service;
}

/** A service that is stopped at first: {@link startService} for those that must be started together. */
export function createService(options: ServiceProcessOptions): ServiceControl {
  return new ServiceProcess(options);
}

/**
 * One service as a sequence of processes: at most one lives at a time, and all share port, data and log file.
 * Output goes straight to a file, not through pipes: a detached service must not depend on its parent reading.
 */
class ServiceProcess implements ServiceControl {
  readonly #options: ServiceProcessOptions;
  #identity: ProcessIdentity | undefined;

  constructor(options: ServiceProcessOptions) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.name;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  get identity(): ProcessIdentity {
    if (this.#identity === undefined) throw new Error(`${this.name} has not been started`);
    return this.#identity;
  }

  get pid(): number {
    return this.identity.pid;
  }

  get running(): boolean {
    return this.#identity !== undefined && isAlive(this.#identity);
  }

  async start(): Promise<void> {
    if (this.running) throw new Error(`${this.name} is running already (pid ${this.pid})`);
    const { command, args, logFile, keepRunning, startTimeoutMs = 60_000, isReady } = this.#options;
    const logDescriptor = openSync(logFile, 'a');
    const logStart = statSync(logFile).size;
    const child = spawn(command, args, {
      detached: keepRunning !== undefined,
      stdio: ['ignore', logDescriptor, logDescriptor],
    });
    closeSync(logDescriptor);
    await once(child, 'spawn');
    child.unref();
    if (keepRunning === undefined) {
      const killOrphan = () => child.kill('SIGKILL');
      process.once('exit', killOrphan);
      child.once('exit', () => process.off('exit', killOrphan));
    }
    // A process that is gone before it could be identified ends in the loop below like any other failed start.
    this.#identity = identifyProcess(child.pid ?? -1) ?? {
      pid: child.pid ?? -1,
      startTime: 'never identified',
    };
    keepRunning?.(this);

    const log = async () => (await readFile(logFile)).subarray(logStart).toString('utf8');
    const deadline = performance.now() + startTimeoutMs;
    while (!(await isReady(log).catch(() => false))) {
      const problem = !this.running
        ? 'ended while starting'
        : performance.now() > deadline
          ? `did not serve within ${startTimeoutMs / 1000} s`
          : undefined;
      if (problem !== undefined) {
        await this.stop();
        const tail = (await log()).trimEnd().split('\n').slice(-LOG_TAIL_LINES).join('\n');
        throw new Error(`${this.name} ${problem}. The end of ${logFile}:\n${tail}`);
      }
      await sleep(50);
    }
  }

  async stop(): Promise<void> {
    await endProcess(this.identity, this.#options.stopGraceMs ?? 10_000);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    signalProcess(this.identity, signal);
    if (!(await waitForEnd(this.identity, 30_000))) throw new Error(`${this.name} survived ${signal}`);
  }

  freeze(): void {
    signalProcess(this.identity, 'SIGSTOP');
  }

  thaw(): void {
    signalProcess(this.identity, 'SIGCONT');
  }
}
