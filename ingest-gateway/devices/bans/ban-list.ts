import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { FileChanges } from '#runtime/file-changes.ts';
import { BannedNetworks } from './banned-networks.ts';
import { type Ban, changeBans, isOver, nameOf, readBans, withBan } from './bans-file.ts';

export interface BanListOptions {
  /** `undefined` = bans are kept in memory only. */
  readonly file: string | undefined;
  /** How often the file is looked at, milliseconds. */
  readonly pollMs?: number | undefined;
  /** The list is another one: whoever is connected and on it now must leave. */
  readonly onChanged: () => void;
}

/** Of clients that flap there may be thousands, and each change of the file reads and writes all of it. Milliseconds. */
const WRITE_EVERY_MS = 1_000;

/**
 * The bans in force: those of the file, read again whenever it changes, and those that the gateway found itself, which
 * it also writes there, together and once a second, so that `npm run bans` shows and removes them. Where it may not write, they
 * live in memory.
 *
 * A file that cannot be used at the start is a configuration error; later it changes nothing but a line in the log.
 */
export class BanList implements Disposable {
  readonly #options: BanListOptions;
  readonly #telemetry: IngestTelemetry;
  /** Milliseconds since the epoch, as the times in the file. */
  readonly #now: () => number;
  readonly #changes: FileChanges | undefined;
  #problem: string | undefined;
  #devices = new Map<string, Ban>();
  #networks = new BannedNetworks([]);
  #bans: readonly Ban[] = [];
  /** In force, and not in the file yet. */
  #unwritten: Ban[] = [];
  #nextWrite: NodeJS.Timeout | undefined;

  /** @throws PipelineError `configuration` when the file cannot be used. */
  constructor(options: BanListOptions, telemetry: IngestTelemetry, now: () => number) {
    this.#options = options;
    this.#telemetry = telemetry;
    this.#now = now;
    if (options.file === undefined) return;
    this.#changes = new FileChanges([options.file]);
    this.#use(readBans(options.file));
    this.#changes.watch(() => this.#reload(), options.pollMs);
  }

  /** Bans in force. */
  get size(): number {
    return this.#bans.filter((ban) => !isOver(ban, this.#now())).length;
  }

  device(deviceId: string): Ban | undefined {
    const ban = this.#devices.get(deviceId);
    return ban === undefined || isOver(ban, this.#now()) ? undefined : ban;
  }

  /** @param address as `sourceOf` gives it: of IPv6, a network of 64 bits. */
  address(address: string): Ban | undefined {
    return this.#networks.find(address, this.#now());
  }

  /** The gateway found a reason: in force at once. */
  add(ban: Ban): void {
    const inForce = this.#bans.filter((other) => !isOver(other, this.#now()));
    this.#use(withBan(inForce, ban));
    this.#telemetry.banned(ban.device, ban.address, ban.reason, ban.until);
    this.#options.onChanged();
    if (this.#options.file === undefined) return;
    this.#unwritten.push(ban);
    if (this.#nextWrite === undefined) this.#write(this.#options.file);
  }

  /** The operator asks for it. */
  readAgain(): void {
    this.#changes?.readAgain();
  }

  /** Why the file cannot be used as it is now; `undefined` = what is in force is what it says. */
  get problem(): string | undefined {
    return this.#problem;
  }

  [Symbol.dispose](): void {
    this.#changes?.[Symbol.dispose]();
    clearTimeout(this.#nextWrite);
    if (this.#options.file !== undefined) this.#write(this.#options.file);
    clearTimeout(this.#nextWrite);
  }

  /** What there is to be written now, and what comes in the meantime afterwards. */
  #write(file: string): void {
    const added = this.#unwritten.splice(0);
    this.#nextWrite = undefined;
    if (added.length === 0) return;
    this.#nextWrite = setTimeout(() => this.#write(file), WRITE_EVERY_MS).unref();
    changeBans(file, this.#now(), (bans) => added.reduce(withBan, bans)).catch((error: unknown) =>
      this.#telemetry.bansUnusable(file, describeError(error)),
    );
  }

  #reload(): void {
    const { file = '', onChanged } = this.#options;
    try {
      this.#use(this.#unwritten.reduce(withBan, readBans(file)));
    } catch (error) {
      this.#problem = describeError(error);
      this.#telemetry.bansUnusable(file, this.#problem);
      return;
    }
    this.#problem = undefined;
    onChanged();
  }

  #use(bans: readonly Ban[]): void {
    this.#bans = bans;
    this.#devices = new Map(
      bans.filter(({ device }) => device !== undefined).map((ban) => [nameOf(ban), ban]),
    );
    this.#networks = new BannedNetworks(bans.filter(({ address }) => address !== undefined));
  }
}
