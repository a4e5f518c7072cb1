import { appendFileSync } from 'node:fs';
import { appendFile, rename, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { describeError } from '#runtime/errors.ts';
import type { Environment } from '#runtime/read-variables.ts';
import { terminalJson } from '#runtime/terminal-text.ts';

export interface AuditLogOptions {
  readonly file: string;
  /** Beyond it the file is renamed to `<file>.1`, and a new one begun. */
  readonly maxBytes: number;
  /** Older files kept: `<file>.1` (newest) … `<file>.<files>`. */
  readonly files: number;
}

/** What was done, and by or to whom; JSON-compatible, never a secret. */
export type AuditFields = Readonly<Record<string, unknown>>;

/** Where events for the audit log go. */
export interface AuditTrail {
  write(event: string, fields: AuditFields): void;
}

/** Names tell who did what: nobody else's business. */
const FILE_MODE = 0o600;
/** Lines that may wait for the disk. */
const WAITING_LINES = 10_000;

/**
 * Who came, who was turned away, and who changed something: one JSON object a line (`time`, `event`, and what belongs to
 * it), for people and for whatever ships logs. It is a record beside the work, so it never holds that up: a disk that is
 * full or away costs lines, which are counted and told, and each next line is tried again.
 *
 * Two states. *Idle*; *writing* from the first line on, until none waits: what comes meanwhile goes out with the next
 * write. Commands append to the same file (`auditCommand`); only this class renames.
 */
export class AuditLog implements AuditTrail, AsyncDisposable {
  readonly #options: AuditLogOptions;
  readonly #now: () => number;
  readonly #onLost: (lines: number, reason: string) => void;
  #waiting: string[] = [];
  #writing: Promise<void> | undefined;

  /** @param onLost lines could not be written. */
  constructor(options: AuditLogOptions, now: () => number, onLost: (lines: number, reason: string) => void) {
    this.#options = options;
    this.#now = now;
    this.#onLost = onLost;
  }

  write(event: string, fields: AuditFields): void {
    if (this.#waiting.length >= WAITING_LINES) {
      this.#onLost(1, 'the disk does not keep up');
      return;
    }
    this.#waiting.push(lineOf(this.#now(), event, fields));
    this.#writing ??= this.#writeAll();
  }

  /** Resolves when what was told so far is written, or lost. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      try {
        await this.#append(lines.join(''));
      } catch (error) {
        this.#onLost(lines.length, describeError(error));
      }
    }
    this.#writing = undefined;
  }

  async #append(text: string): Promise<void> {
    const { file, maxBytes } = this.#options;
    const bytes = await sizeOf(file);
    if (bytes > 0 && bytes + Buffer.byteLength(text) > maxBytes) await this.#rotate();
    await appendFile(file, text, { mode: FILE_MODE });
  }

  async #rotate(): Promise<void> {
    const { file, files } = this.#options;
    const nameOf = (age: number): string => (age === 0 ? file : `${file}.${age}`);
    for (let age = files - 1; age >= 0; age--)
      await rename(nameOf(age), nameOf(age + 1)).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT') throw error;
      });
  }
}

/**
 * For commands that change something: appends to AUDIT_LOG_FILE, where that is set, who did it on this machine. The change
 * is made already, so that a line cannot be written is only told.
 */
export function auditCommand(
  { env, stderr }: { readonly env: Environment; readonly stderr: NodeJS.WritableStream },
  event: string,
  fields: AuditFields,
): void {
  const file = env['AUDIT_LOG_FILE'];
  if (!file) return;
  const line = lineOf(Date.now(), event, { by: userInfo().username, ...fields });
  try {
    appendFileSync(file, line, { mode: FILE_MODE });
  } catch (error) {
    stderr.write(`AUDIT_LOG_FILE: not written: ${describeError(error)}\n`);
  }
}

function lineOf(now: number, event: string, fields: AuditFields): string {
  return `${terminalJson({ time: new Date(now).toISOString(), event, ...fields })}\n`;
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}
