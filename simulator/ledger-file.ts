import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describeError, PipelineError } from '#runtime/errors.ts';
import type { SentReading } from './device-script.ts';
import { Ledger, type LedgerWriter } from './ledger.ts';

/*
 * The file: one JSON array a line, so that `grep` and `jq` can answer questions about it.
 *
 *     ["ledger",1]                                    format
 *     ["device",3,"sim-7-3"]                          number and id
 *     ["sent",3,17,1764000000000,"<SHA-256>"]         device, seq, ts, hash of the canonical reading
 *     ["malformed",3,18,1764000000001,"<SHA-256>"]    hash of the exact bytes
 *     ["acked",3,17,18]                               device, first and last seq
 */
const FORMAT = 1;
const FLUSH_BYTES = 64 * 1024;
const FLUSH_MS = 100;

/**
 * Appends to a ledger file. Lines are collected for at most 100 ms and written in order; what was written survives
 * SIGKILL of the simulator. A crash therefore loses the last moment, and errs to the safe side: an acknowledgement
 * that is not in the file makes its reading pending, never missing, and a reading that is not in it is not looked for.
 */
export class LedgerFile implements LedgerWriter, Disposable {
  /** Rejects when the file cannot be written: the run cannot be verified and should end. */
  readonly failed: Promise<never>;
  readonly #fail: (error: PipelineError) => void;
  readonly #path: string;
  readonly #descriptor: number;
  /** Acknowledgements of each device that are not in `#lines` yet; consecutive ones become one line. */
  readonly #acked = new Map<number, { first: number; last: number }>();
  #lines = `${JSON.stringify(['ledger', FORMAT])}\n`;
  #timer: NodeJS.Timeout | undefined;
  #open = true;

  /** @throws PipelineError `usage` when the file exists or cannot be created. */
  constructor(path: string) {
    this.#path = path;
    const failure = Promise.withResolvers<never>();
    failure.promise.catch(() => undefined);
    this.failed = failure.promise;
    this.#fail = failure.reject;
    try {
      this.#descriptor = openSync(path, 'ax');
    } catch (error) {
      const hint = (error as NodeJS.ErrnoException).code === 'EEXIST' ? ' (a ledger holds one run)' : '';
      throw new PipelineError('usage', `--ledger: cannot create the file${hint}`, { cause: error });
    }
  }

  device(device: number, id: string): void {
    this.#append(['device', device, id]);
  }

  sent(device: number, { seq, ts, malformed, digest }: SentReading): void {
    // By hand, because this is the hot path; none of the parts needs escaping.
    const kind = malformed ? 'malformed' : 'sent';
    this.#write(`["${kind}",${device},${seq},${ts},"${digest.toString('base64url')}"]\n`);
  }

  acked(device: number, first: number, last: number): void {
    const range = this.#acked.get(device);
    if (range !== undefined && range.last + 1 === first) {
      range.last = last;
      return;
    }
    if (range !== undefined) this.#append(['acked', device, range.first, range.last]);
    this.#acked.set(device, { first, last });
    this.#schedule();
  }

  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#flush();
    this.#open = false;
    closeSync(this.#descriptor);
  }

  #append(entry: readonly (string | number)[]): void {
    this.#write(`${JSON.stringify(entry)}\n`);
  }

  #write(line: string): void {
    this.#lines += line;
    if (this.#lines.length >= FLUSH_BYTES) this.#flush();
    else this.#schedule();
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const [device, { first, last }] of this.#acked) {
      this.#lines += `${JSON.stringify(['acked', device, first, last])}\n`;
    }
    this.#acked.clear();
    const bytes = Buffer.from(this.#lines);
    this.#lines = '';
    if (!this.#open) return;
    try {
      for (let written = 0; written < bytes.length; ) {
        written += writeSync(this.#descriptor, bytes, written);
      }
    } catch (error) {
      this.#open = false;
      closeSync(this.#descriptor);
      this.#fail(
        new PipelineError('usage', `--ledger: cannot write ${this.#path}: ${describeError(error)}`, {
          cause: error,
        }),
      );
    }
  }
}

/**
 * Reads a ledger file. A torn last line (the simulator was killed while writing it) is left out.
 *
 * @throws PipelineError `usage` when the file cannot be read or is not a ledger.
 */
export async function readLedgerFile(path: string): Promise<Ledger> {
  const ledger = new Ledger();
  let number = 0;
  let torn: { readonly line: number; readonly error: unknown } | undefined;
  try {
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      number++;
      if (torn !== undefined)
        throw new PipelineError('usage', `line ${torn.line} is damaged`, { cause: torn.error });
      try {
        applyEntry(ledger, JSON.parse(line), number);
      } catch (error) {
        torn = { line: number, error };
      }
    }
    if (number === 0 || (number === 1 && torn !== undefined)) {
      throw new PipelineError('usage', 'it is no ledger', { cause: torn?.error });
    }
  } catch (error) {
    throw new PipelineError('usage', `--ledger: cannot read ${path}`, { cause: error });
  }
  return ledger;
}

function applyEntry(ledger: Ledger, entry: unknown, line: number): void {
  if (!Array.isArray(entry)) throw new TypeError('not an array');
  const [kind, device, ...rest] = entry as unknown[];
  if (line === 1) {
    if (kind !== 'ledger' || device !== FORMAT) throw new TypeError(`expected ["ledger",${FORMAT}]`);
    return;
  }
  const number = whole(device);
  if (kind === 'device' && typeof rest[0] === 'string') ledger.device(number, rest[0]);
  else if (kind === 'acked') ledger.acked(number, whole(rest[0]), whole(rest[1]));
  else if ((kind === 'sent' || kind === 'malformed') && typeof rest[2] === 'string') {
    const digest = Buffer.from(rest[2], 'base64url');
    if (digest.length !== 32) throw new TypeError('not a SHA-256');
    ledger.sent(number, { seq: whole(rest[0]), ts: whole(rest[1]), malformed: kind === 'malformed', digest });
  } else throw new TypeError('not an entry');
}

function whole(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new TypeError(`${String(value)} is not a whole number`);
}
