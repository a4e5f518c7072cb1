import { isDeepStrictEqual } from 'node:util';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { FileChanges } from '#runtime/file-changes.ts';
import type { TokenSettings } from '#runtime/token-variables.ts';
import { fetchKeySet } from './fetch-key-set.ts';
import { type KeySet, type PublicKey, readKeySet } from './key-set.ts';

export interface TokenKeysOptions {
  readonly keys: TokenSettings['keys'];
  /** How often the file is looked at, milliseconds. */
  readonly pollMs?: number | undefined;
  /** How often the provider is asked, and how soon again when it did not answer or a key is not known. Milliseconds. */
  readonly refreshMs?: number | undefined;
  readonly retryMs?: number | undefined;
  /** Some of the keys are gone, or others: who came in by them must leave. */
  readonly onChanged: () => void;
}

const REFRESH_MS = 5 * 60 * 1000;
/** Not more often, whatever clients do: they can name any key. */
const RETRY_MS = 30 * 1000;

/**
 * The public keys in force: of a file, read again when it changes, or of an identity provider that is asked.
 *
 * - *without keys*: from the start until a provider has answered once. No token can be judged.
 * - *with keys*: those that were read last. What cannot be read, or does not answer, changes nothing but that everybody is
 *   told: a provider that is away for a day must not keep a fleet out. A file must be usable at the start.
 *
 * A provider is asked every five minutes, after half a minute when it did not answer, and when a token names a key that
 * is not there (a new one was put into use), but then not within half a minute of the time before.
 */
export class TokenKeys implements Disposable {
  readonly #options: TokenKeysOptions;
  readonly #telemetry: IngestTelemetry;
  readonly #changes: FileChanges | undefined;
  readonly #closing = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;
  #askedAt = -Infinity;
  #set: KeySet | undefined;
  #problem: string | undefined;

  /** @throws PipelineError `configuration` when the file cannot be used. */
  constructor(options: TokenKeysOptions, telemetry: IngestTelemetry) {
    this.#options = options;
    this.#telemetry = telemetry;
    const { keys, pollMs } = options;
    if ('file' in keys) {
      this.#changes = new FileChanges([keys.file]);
      this.#use(readKeySet(keys.file));
      this.#changes.watch(() => this.#reload(keys.file), pollMs);
    } else void this.#ask(keys.url);
  }

  /** `undefined` = there are none yet. The same object as long as they are the same. */
  get set(): KeySet | undefined {
    return this.#set;
  }

  /** Why what is in force is not what the file or the provider says now. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** A token names a key that is not there: perhaps it is new. Done when that is known, or it was asked a moment ago. */
  async lookAgain(): Promise<void> {
    const { keys, retryMs = RETRY_MS } = this.#options;
    if ('file' in keys) return;
    if (this.#asking === undefined && performance.now() - this.#askedAt >= retryMs) void this.#ask(keys.url);
    await this.#asking;
  }

  /** The operator asks for it. */
  readAgain(): void {
    const { keys } = this.#options;
    if ('file' in keys) this.#changes?.readAgain();
    else if (this.#asking === undefined) void this.#ask(keys.url);
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
    this.#changes?.[Symbol.dispose]();
    clearTimeout(this.#timer);
  }

  #ask(url: string): Promise<void> {
    const { refreshMs = REFRESH_MS, retryMs = RETRY_MS } = this.#options;
    clearTimeout(this.#timer);
    this.#askedAt = performance.now();
    this.#asking = fetchKeySet(url, this.#closing.signal)
      .then(
        (set) => this.#use(set),
        (error: unknown) => this.#cannotUse(url, error),
      )
      .finally(() => {
        this.#asking = undefined;
        if (this.#closing.signal.aborted) return;
        const waitMs = this.#problem === undefined ? refreshMs : retryMs;
        this.#timer = setTimeout(() => void this.#ask(url), waitMs).unref();
      });
    return this.#asking;
  }

  #reload(file: string): void {
    try {
      this.#use(readKeySet(file));
    } catch (error) {
      this.#cannotUse(file, error);
    }
  }

  #use(set: KeySet): void {
    const isMended = this.#problem !== undefined;
    this.#problem = undefined;
    if (isDeepStrictEqual(set, this.#set)) {
      if (isMended) this.#telemetry.tokenKeysLoaded(set.keys.length);
      return;
    }
    const before = this.#set;
    this.#set = set;
    this.#telemetry.tokenKeysLoaded(set.keys.length);
    if (before !== undefined) this.#options.onChanged();
  }

  #cannotUse(from: string, error: unknown): void {
    if (this.#closing.signal.aborted) return;
    const problem = `${from}: ${describeError(error)}`;
    const isNews = problem !== this.#problem;
    this.#problem = problem;
    if (isNews) this.#telemetry.tokenKeysUnusable(problem, this.#set !== undefined);
  }
}

/** Whether what was signed by a key of one set would be accepted by the other one. @param kid of the token, if it had one */
export function isKeyKept(kid: string | undefined, before: KeySet, now: KeySet): boolean {
  const keptOf = (key: PublicKey): boolean => now.keys.some((other) => isDeepStrictEqual(key, other));
  return before.keys.filter((key) => kid === undefined || key.kid === kid).every(keptOf);
}
