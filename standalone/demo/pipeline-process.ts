import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const ROOT = path.join(import.meta.dirname, '..', '..');
const START = path.join(ROOT, 'runtime', 'start.mjs');
const READY_WITHIN_MS = 120_000;

export interface PipelineProcessOptions {
  /** A `main.ts` below the repository's root, with its arguments. */
  readonly command: readonly [entry: string, ...args: string[]];
  /** Added to a bare environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly httpPort: number;
  /** Kills it when it fires: nobody is left to do so. */
  readonly signal?: AbortSignal;
}

/**
 * One process of the pipeline as an operator would run it, for the demo and for tests that kill it. It can be started
 * again after its death; ports and data stay the same.
 */
export class PipelineProcess implements AsyncDisposable {
  readonly #options: PipelineProcessOptions;
  #child: ChildProcess | undefined;
  /** What it wrote so far, for the message when it does not come up. */
  #output = '';

  constructor(options: PipelineProcessOptions) {
    this.#options = options;
  }

  get output(): string {
    return this.#output;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Resolves once `/readyz` answers 200. */
  async start(): Promise<void> {
    const [entry, ...args] = this.#options.command;
    const child = spawn(process.execPath, [START, entry, ...args], {
      env: { HTTP_PORT: String(this.#options.httpPort), ...this.#options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(this.#options.signal && { signal: this.#options.signal, killSignal: 'SIGKILL' }),
    });
    this.#child = child;
    // That the signal fired, too, is told as an error of the child; its end is seen below.
    child.on('error', (error) => keep(Buffer.from(`${error.message}\n`)));
    const keep = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-64 * 1024);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const giveUpAt = performance.now() + READY_WITHIN_MS;
    while (!(await this.#isReady())) {
      const ended = child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
      if (ended || performance.now() > giveUpAt) {
        throw new Error(
          `${entry} did not become ready (exit code ${child.exitCode}):\n${this.#output.slice(-4000)}`,
        );
      }
      await sleep(50);
    }
  }

  /** SIGKILL, and the end of the process. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** SIGTERM; resolves to the exit code. */
  async stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill(signal);
      await exit;
    }
    return child.exitCode;
  }

  async #isReady(): Promise<boolean> {
    try {
      return (await fetch(`http://127.0.0.1:${this.#options.httpPort}/readyz`)).ok;
    } catch {
      return false;
    }
  }
}
