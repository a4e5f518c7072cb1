import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import type { Experience, GoodFleetOptions } from './good-fleet.ts';

/** Questions to the fleet's process; each has one answer. */
export type FleetRequest =
  | { readonly ask: 'connect'; readonly options: GoodFleetOptions }
  | { readonly ask: 'start' }
  | { readonly ask: 'experience' }
  | { readonly ask: 'finish'; readonly patienceMs: number };

/** The good devices in a process of their own: what attackers cost must not look like the gateway's slowness. */
export class GoodFleetProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(options: GoodFleetOptions): Promise<GoodFleetProcess> {
    const fleet = new GoodFleetProcess(fork(path.join(import.meta.dirname, 'main.ts')));
    await fleet.#ask({ ask: 'connect', options });
    await fleet.#ask({ ask: 'start' });
    return fleet;
  }

  experience(): Promise<Experience> {
    return this.#ask({ ask: 'experience' }) as Promise<Experience>;
  }

  /** @returns messages that never got their PUBACK. */
  finish(patienceMs: number): Promise<number> {
    return this.#ask({ ask: 'finish', patienceMs }) as Promise<number>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exit = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exit;
  }

  async #ask(request: FleetRequest): Promise<unknown> {
    const answer = once(this.#child, 'message');
    this.#child.send(request);
    const exit = once(this.#child, 'exit').then(() => {
      throw new Error('the good devices ended by themselves');
    });
    exit.catch(() => undefined);
    const [message] = (await Promise.race([answer, exit])) as [unknown];
    return message;
  }
}
