import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { FileChanges } from '#runtime/file-changes.ts';
import type { CheckRules } from './check-place.ts';
import {
  type Credential,
  costOf,
  hasPassword,
  inForceAt,
  isSlow,
  type PasswordCredential,
  type PasswordHash,
  passwordOf,
  type SlowHash,
} from './credential.ts';
import { mayStay, unchanged } from './credential-changes.ts';
import { type Credentials, readCredentials } from './credentials-file.ts';
import type { DeviceTerms } from './device-terms.ts';
import { LoginLimits } from './login-limits.ts';
import { PasswordChecks, type PasswordVerdict } from './password-checks.ts';
import { verifyFast } from './password-hash.ts';
import { isReadableForAll } from './rewrite-file.ts';
import { WaitingLogins } from './waiting-logins.ts';

/** Kinds of slow hashes, by what they cost, of which it is measured how long they take. */
const KINDS_MEASURED = 16;
/** How often it is looked whether the time of a former password is over. */
const OVERLAP_POLL_MS = 1_000;

export interface CredentialStoreOptions {
  readonly file: string;
  /** How often the file is looked at, milliseconds. */
  readonly pollMs?: number | undefined;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** What let the device in does not hold any more: whoever is connected as this device must leave. */
  readonly onChanged: (deviceId: string) => void;
  /** Only what it may send, or what is said about it, is another thing: it may stay. Also called with `onChanged`. */
  readonly onTermsChanged: (deviceId: string) => void;
}

/** `throttled`: too many wrong ones before; nothing is said about this one. */
export type LoginVerdict = Exclude<PasswordVerdict, 'former'> | 'throttled';

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
 *
 * A device whose password was changed with an overlap has two that work, until the former one's time is over. A device
 * that is connected may stay for as long as the password that it came with works.
 */
export class CredentialStore implements Disposable {
  readonly #options: CredentialStoreOptions;
  readonly #telemetry: IngestTelemetry;
  readonly #checks: PasswordChecks;
  readonly #limits: LoginLimits;
  readonly waitingLogins: WaitingLogins;
  readonly #changes: FileChanges;
  readonly #overlaps: NodeJS.Timeout;
  /** The password that let each device in the last time. */
  readonly #cameWith = new Map<string, PasswordHash>();
  #problem: string | undefined;
  #credentials: Map<string, Credential>;

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
    this.waitingLogins = new WaitingLogins(checks, telemetry);
    this.#changes = new FileChanges([options.file]);
    this.#credentials = new Map(readCredentials(options.file));
    this.#tellLoaded();
    this.#measureNew([]);
    this.#changes.watch(() => this.#reload(), options.pollMs);
    this.#overlaps = setInterval(() => this.#endOverlaps(), options.pollMs ?? OVERLAP_POLL_MS).unref();
  }

  /** Whether the file knows how the device proves itself: then nothing less lets it in. */
  needsPassword(deviceId: string): boolean {
    const credential = this.#credentials.get(deviceId);
    return credential === 'revoked' || hasPassword(credential);
  }

  isRevoked(deviceId: string): boolean {
    return this.#credentials.get(deviceId) === 'revoked';
  }

  /** What the file says of the device besides its password; nothing, for most. */
  terms(deviceId: string): DeviceTerms {
    const credential = this.#credentials.get(deviceId);
    return credential === undefined || credential === 'revoked' ? {} : credential;
  }

  /** Whether it is one of {@link deviceIds}. */
  isExpected(deviceId: string): boolean {
    return (this.#credentials.get(deviceId) ?? 'revoked') !== 'revoked';
  }

  /** The devices that may connect. */
  *deviceIds(): Generator<string> {
    for (const [id, credential] of this.#credentials) if (credential !== 'revoked') yield id;
  }

  async verify(login: Login): Promise<LoginVerdict> {
    const { deviceId, address } = login;
    const entry = this.#credentials.get(deviceId);
    const kept = hasPassword(entry) ? inForceAt(entry, this.#options.now()) : undefined;
    const verdict = await this.#judge(login, kept, {
      mayTry: () => this.#limits.waitMs(deviceId, address) === 0,
      onWrong: () => {
        if (this.#credentials.get(deviceId) === entry) this.#limits.failed(deviceId, address);
      },
    });
    // Revoked, or changed, while its password was being checked.
    if (this.#credentials.get(deviceId) !== entry) return 'wrong';
    if (verdict !== 'verified' && verdict !== 'former') return verdict;
    this.#limits.succeeded(deviceId, address);
    const password = verdict === 'former' ? kept?.previous?.password : kept && passwordOf(kept);
    if (password !== undefined) this.#cameWith.set(deviceId, password);
    return 'verified';
  }

  async #judge(
    { deviceId, address, password }: Login,
    kept: PasswordCredential | undefined,
    rules: CheckRules,
  ): Promise<PasswordVerdict | 'throttled'> {
    const free = kept && this.#judgeAtNoCost(deviceId, password, kept);
    if (free !== undefined) return free;
    if (!rules.mayTry()) return 'throttled';
    const isKnown = this.#limits.isKnown(address);
    const slow = kept === undefined || slowHashesOf(kept).length === 0 ? undefined : kept;
    const verdict = this.#checks.check({ deviceId, address, isKnown }, password, slow, rules);
    this.waitingLogins.look();
    try {
      return await verdict;
    } finally {
      this.waitingLogins.look();
    }
  }

  #judgeAtNoCost(
    deviceId: string,
    password: Uint8Array,
    kept: PasswordCredential,
  ): 'verified' | 'former' | undefined {
    if (!isSlow(kept) && verifyFast(password, kept)) return 'verified';
    const former = kept.previous?.password;
    if (former !== undefined && !isSlow(former) && verifyFast(password, former)) return 'former';
    return this.#checks.recall(deviceId, password, kept);
  }

  /** The longest that the check of a password took of late, milliseconds; 0 = none of them is slow. */
  get slowestCheckMs(): number {
    return this.#checks.slowestMs;
  }

  /** The operator asks for it. */
  readAgain(): void {
    this.#changes.readAgain();
  }

  /** Why the file cannot be used as it is now; `undefined` = what is in force is what it says. */
  get problem(): string | undefined {
    return this.#problem;
  }

  [Symbol.dispose](): void {
    this.#changes[Symbol.dispose]();
    this.#checks[Symbol.dispose]();
    clearInterval(this.#overlaps);
  }

  #endOverlaps(): void {
    for (const id of this.#credentials.keys()) this.#endOverlap(id);
  }

  #endOverlap(id: string): void {
    const credential = this.#credentials.get(id);
    if (!hasPassword(credential)) return;
    const inForce = inForceAt(credential, this.#options.now());
    if (inForce === credential) return;
    this.#credentials.set(id, inForce);
    this.#checks.forget(id);
    this.#leaveUnless(id, credential);
  }

  /** Whoever is connected as the device must leave, unless what let it in still holds, and lets it do the same. */
  #leaveUnless(id: string, before: Credential | undefined): void {
    const now = this.#credentials.get(id);
    if (mayStay(before, now, this.#cameWith.get(id))) return;
    this.#cameWith.delete(id);
    this.#options.onChanged(id);
  }

  #tellLoaded(): void {
    const { file } = this.#options;
    this.#telemetry.credentialsLoaded(file, [...this.deviceIds()].length);
    if (isReadableForAll(file)) this.#telemetry.credentialsReadableForAll(file);
  }

  /** Kinds of hashes that the file before did not have. */
  #measureNew(before: Iterable<Credential>): void {
    const kinds = kindsOf(this.#credentials.values());
    for (const cost of kindsOf(before).keys()) kinds.delete(cost);
    // A hash that cannot be computed here, because its library does not load, is told by each login that needs it.
    this.#checks.measure([...kinds.values()].slice(0, KINDS_MEASURED)).catch(() => undefined);
  }

  #reload(): void {
    const { file, onTermsChanged } = this.#options;
    let read: Credentials;
    try {
      read = readCredentials(file);
    } catch (error) {
      this.#problem = describeError(error);
      this.#telemetry.credentialsUnusable(file, this.#problem);
      return;
    }
    this.#problem = undefined;
    const before = this.#credentials;
    this.#credentials = new Map();
    for (const [id, written] of read) {
      const now = hasPassword(written) ? inForceAt(written, this.#options.now()) : written;
      // Unchanged entries stay the same objects: verdicts about them stay remembered.
      this.#credentials.set(id, unchanged(before.get(id), now) ?? now);
    }
    this.#tellLoaded();
    this.#measureNew(before.values());
    for (const id of new Set([...before.keys(), ...read.keys()])) {
      if (this.#credentials.get(id) === before.get(id)) continue;
      onTermsChanged(id);
      this.#checks.forget(id);
      this.#limits.forget(id);
      this.#leaveUnless(id, before.get(id));
    }
  }
}

function slowHashesOf(kept: PasswordCredential): SlowHash[] {
  return [passwordOf(kept), kept.previous?.password].filter((hash) => hash !== undefined).filter(isSlow);
}

/** One slow hash of each cost. */
function kindsOf(credentials: Iterable<Credential>): Map<string, SlowHash> {
  const kinds = new Map<string, SlowHash>();
  for (const credential of credentials) {
    if (!hasPassword(credential)) continue;
    for (const hash of slowHashesOf(credential)) kinds.set(costOf(hash), hash);
  }
  return kinds;
}
