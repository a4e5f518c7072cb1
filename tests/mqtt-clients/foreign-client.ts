import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What a device is to do, see `services/mqtt-clients/README.md`. */
export interface ClientTask {
  readonly url: string;
  readonly caFile?: string | undefined;
  readonly id: string;
  readonly qos: number;
  readonly count: number;
  readonly badEvery: number;
}

interface Line {
  readonly sessionPresent?: boolean;
  readonly seq?: number;
  readonly code?: number;
}

/** A device in a process of its own, with an MQTT client that we did not write. */
export class ForeignClient implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;
  #complaints = '';
  /** Of each CONNACK, in order. */
  readonly sessions: boolean[] = [];
  /** Of each message, in order of the answers; `undefined` where the client does not say it. */
  readonly codes: (number | undefined)[] = [];
  /** Of those answers whose message the client names. */
  readonly codeOfSeq = new Map<number, number | undefined>();

  constructor(command: readonly [string, ...string[]], task: ClientTask) {
    const [program, ...args] = command;
    this.#child = spawn(program, [...args, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#ended = once(this.#child, 'close');
    this.#child.stderr?.on('data', (text: Buffer) => {
      this.#complaints = `${this.#complaints}${text.toString()}`.slice(-4_000);
    });
    if (this.#child.stdout === null) throw new Error('no output');
    createInterface(this.#child.stdout).on('line', (line) => this.#read(JSON.parse(line) as Line));
  }

  /** Resolves when it ended because it had done its task. */
  async done(): Promise<void> {
    await this.#ended;
    const { exitCode, signalCode } = this.#child;
    if (exitCode !== 0) throw new Error(`ended with ${exitCode ?? signalCode}:\n${this.#complaints}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  #read({ sessionPresent, seq, code }: Line): void {
    if (sessionPresent !== undefined) {
      this.sessions.push(sessionPresent);
      return;
    }
    this.codes.push(code);
    if (seq !== undefined) this.codeOfSeq.set(seq, code);
  }
}
