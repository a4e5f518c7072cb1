import { isDeepStrictEqual } from 'node:util';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { FileChanges } from '#runtime/file-changes.ts';
import { type Credential, type Credentials, readCredentials } from './credentials-file.ts';
import type { DeviceTerms } from './device-terms.ts';
import { LoginLimits } from './login-limits.ts';
import { PasswordChecks, type PasswordVerdict } from './password-checks.ts';
import { type PasswordHash, verifyFast } from './password-hash.ts';

export interface CredentialStoreOptions {
  readonly file: string;
  /** How often the file is looked at, milliseconds. */
  readonly pollMs?: number | undefined;
  /** The device's entry is new, gone or another one: whoever is connected as this device must leave. */
  readonly onChanged: (deviceId: string) => void;
}

/** `throttled`: too many wrong ones before; nothing is said about this one. */
export type LoginVerdict = PasswordVerdict | 'throttled';

/** Who tries a password, and from where. */
export interface Login {
  readonly deviceId: string;
  /** As `sourceOf` gives it. */
  readonly address: string;
  readonly password: Uint8Array;
}

/**
 * The credentials in force: those of the file at start, and again whenever it changes. A file that cannot be used then
 * changes nothing but a line in the log: half a file must not lock out a fleet.
 *
 * A password that can be checked at no cost (it is ours to generate, or was right lately) is always checked, whatever
 * came before: no guessing keeps such a device out. Before a slow hash is computed for somebody, `LoginLimits` is asked.
 */
export class CredentialStore implements Disposable {
  readonly #options: CredentialStoreOptions;
  readonly #telemetry: IngestTelemetry;
  readonly #checks: PasswordChecks;
  readonly #limits: LoginLimits;
  readonly #changes: FileChanges;
  #credentials: Credentials;

  /** @throws PipelineError `configuration` when the file cannot be used. */
  constructor(
    options: CredentialStoreOptions,
    telemetry: IngestTelemetry,
    { checks = new PasswordChecks(), limits = new LoginLimits() } = {},
  ) {
    this.#options = options;
    this.#telemetry = telemetry;
    this.#checks = checks;
    this.#limits = limits;
    this.#changes = new FileChanges([options.file]);
    this.#credentials = readCredentials(options.file);
    telemetry.credentialsLoaded(options.file, [...this.deviceIds()].length);
    this.#changes.watch(() => this.#reload(), options.pollMs);
  }

  /** Whether the file knows how the device proves itself: then nothing less lets it in. */
  needsPassword(deviceId: string): boolean {
    const credential = this.#credentials.get(deviceId);
    return credential !== undefined && (credential === 'revoked' || credential.algorithm !== 'none');
  }

  isRevoked(deviceId: string): boolean {
    return this.#credentials.get(deviceId) === 'revoked';
  }

  /** What the file says of the device besides its password; nothing, for most. */
  terms(deviceId: string): DeviceTerms {
    const credential = this.#credentials.get(deviceId);
    return credential === undefined || credential === 'revoked' ? {} : credential;
  }

  /** The devices that may connect. */
  *deviceIds(): Generator<string> {
    for (const [id, credential] of this.#credentials) if (credential !== 'revoked') yield id;
  }

  async verify(login: Login, signal: AbortSignal): Promise<LoginVerdict> {
    const { deviceId, address } = login;
    const verdict = await this.#judge(login, signal);
    if (verdict === 'verified') this.#limits.succeeded(deviceId, address);
    if (verdict === 'wrong') this.#limits.failed(deviceId, address);
    return verdict;
  }

  async #judge({ deviceId, address, password }: Login, signal: AbortSignal): Promise<LoginVerdict> {
    const kept = this.#credentials.get(deviceId);
    const known = isPassword(kept) ? kept : undefined;
    if (known !== undefined && this.#isRightAtNoCost(deviceId, password, known)) return 'verified';
    if (this.#limits.waitMs(deviceId, address) > 0) return 'throttled';
    if (known?.algorithm !== 'scrypt') return 'wrong';
    const verdict = await this.#checks.check({ deviceId, address }, password, known, signal);
    // Revoked while its password was being checked.
    return this.#credentials.get(deviceId) === known ? verdict : 'wrong';
  }

  #isRightAtNoCost(deviceId: string, password: Uint8Array, kept: PasswordHash): boolean {
    return kept.algorithm === 'hmac-sha256'
      ? verifyFast(password, kept)
      : this.#checks.isVerified(deviceId, password, kept);
  }

  [Symbol.dispose](): void {
    this.#changes[Symbol.dispose]();
  }

  #reload(): void {
    const { file, onChanged } = this.#options;
    let read: Credentials;
    try {
      read = readCredentials(file);
    } catch (error) {
      this.#telemetry.credentialsUnusable(file, describeError(error));
      return;
    }
    const before = this.#credentials;
    // Unchanged entries stay the same objects: verdicts about them stay remembered.
    this.#credentials = new Map([...read].map(([id, now]) => [id, unchanged(before.get(id), now) ?? now]));
    this.#telemetry.credentialsLoaded(file, [...this.deviceIds()].length);
    for (const id of new Set([...before.keys(), ...read.keys()])) {
      if (this.#credentials.get(id) === before.get(id)) continue;
      this.#checks.forget(id);
      this.#limits.forget(id);
      onChanged(id);
    }
  }
}

function isPassword(kept: Credential | undefined): kept is PasswordHash {
  return kept !== undefined && kept !== 'revoked' && kept.algorithm !== 'none';
}

function unchanged(before: Credential | undefined, now: Credential): Credential | undefined {
  if (before === undefined || before === 'revoked' || now === 'revoked') return undefined;
  return isDeepStrictEqual(before, now) ? before : undefined;
}
