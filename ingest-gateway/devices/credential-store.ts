import { statSync } from 'node:fs';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { type Credentials, readCredentials } from './credentials-file.ts';
import { PasswordChecks, type PasswordVerdict } from './password-checks.ts';
import type { PasswordHash } from './password-hash.ts';

export interface CredentialStoreOptions {
  readonly file: string;
  /** How often the file is looked at, milliseconds. Polling also sees files on network drives and swapped links. */
  readonly pollMs?: number;
  /** The device's entry is gone or another one: whoever is connected with the old one must leave. */
  readonly onRevoked: (deviceId: string) => void;
}

const POLL_MS = 1_000;

/**
 * The credentials in force: those of the file at start, and again whenever it changes. A file that cannot be used then
 * changes nothing but a line in the log: half a file must not lock out a fleet.
 *
 * The file's version is noted before it is read, so that a change in between is seen at the next look (`fs.watchFile`
 * notes it some time later, and misses what came before).
 */
export class CredentialStore implements Disposable {
  readonly #options: CredentialStoreOptions;
  readonly #telemetry: IngestTelemetry;
  readonly #checks: PasswordChecks;
  readonly #timer: NodeJS.Timeout;
  #version: string;
  #credentials: Credentials;

  /** @throws PipelineError `configuration` when the file cannot be used. */
  constructor(options: CredentialStoreOptions, telemetry: IngestTelemetry, checks = new PasswordChecks()) {
    this.#options = options;
    this.#telemetry = telemetry;
    this.#checks = checks;
    this.#version = versionOf(options.file);
    this.#credentials = readCredentials(options.file);
    telemetry.credentialsLoaded(options.file, this.#credentials.size);
    this.#timer = setInterval(() => this.#look(), options.pollMs ?? POLL_MS).unref();
  }

  has(deviceId: string): boolean {
    return this.#credentials.has(deviceId);
  }

  deviceIds(): Iterable<string> {
    return this.#credentials.keys();
  }

  async verify(deviceId: string, password: Uint8Array, signal: AbortSignal): Promise<PasswordVerdict> {
    const kept = this.#credentials.get(deviceId);
    if (kept === undefined) return 'wrong';
    const verdict = await this.#checks.check(deviceId, password, kept, signal);
    // Revoked while its password was being checked.
    return this.#credentials.get(deviceId) === kept ? verdict : 'wrong';
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const version = versionOf(this.#options.file);
    if (version === this.#version) return;
    this.#version = version;
    this.#reload();
  }

  #reload(): void {
    const { file, onRevoked } = this.#options;
    let read: Credentials;
    try {
      read = readCredentials(file);
    } catch (error) {
      this.#telemetry.credentialsUnusable(file, describeError(error));
      return;
    }
    const before = this.#credentials;
    // Unchanged entries stay the same objects: verdicts about them stay remembered.
    this.#credentials = new Map([...read].map(([id, hash]) => [id, unchanged(before.get(id), hash) ?? hash]));
    this.#telemetry.credentialsLoaded(file, this.#credentials.size);
    for (const [id, hash] of before) {
      if (this.#credentials.get(id) === hash) continue;
      this.#checks.forget(id);
      onRevoked(id);
    }
  }
}

function unchanged(before: PasswordHash | undefined, now: PasswordHash): PasswordHash | undefined {
  return before?.hash === now.hash && before.salt === now.salt ? before : undefined;
}

/** Changes with the file. Any failure to look is a version of its own: reading then says why. */
function versionOf(file: string): string {
  try {
    const { ino, size, mtimeNs } = statSync(file, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    return 'unreadable';
  }
}
