import { BlockList, isIPv6 } from 'node:net';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { FileChanges } from '#runtime/file-changes.ts';
import { type Ban, changeBans, isOver, nameOf, readBans, withBan } from './bans-file.ts';

export interface BanListOptions {
  /** `undefined` = bans are kept in memory only. */
  readonly file: string | undefined;
  /** How often the file is looked at, milliseconds. */
  readonly pollMs?: number | undefined;
  /** The list is another one: whoever is connected and on it now must leave. */
  readonly onChanged: () => void;
}

/**
 * The bans in force: those of the file, read again whenever it changes, and those that the gateway found itself, which
 * it also writes there, so that `npm run bans` shows and removes them. Where it may not write, they live in memory.
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
  #networks: { readonly ban: Ban; readonly list: BlockList }[] = [];
  #bans: readonly Ban[] = [];

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
    if (this.#networks.length === 0) return undefined;
    const plain = address.replace(/\/\d+$/, '');
    const family = isIPv6(plain) ? 'ipv6' : 'ipv4';
    return this.#networks.find(({ ban, list }) => !isOver(ban, this.#now()) && list.check(plain, family))
      ?.ban;
  }

  /** The gateway found a reason. */
  async add(ban: Ban): Promise<void> {
    const inForce = this.#bans.filter((other) => !isOver(other, this.#now()));
    this.#use(withBan(inForce, ban));
    this.#telemetry.banned(ban.device, ban.address, ban.reason, ban.until);
    this.#options.onChanged();
    if (this.#options.file === undefined) return;
    try {
      await changeBans(this.#options.file, this.#now(), (bans) => withBan(bans, ban));
    } catch (error) {
      this.#telemetry.bansUnusable(this.#options.file, describeError(error));
    }
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
  }

  #reload(): void {
    const { file = '', onChanged } = this.#options;
    try {
      this.#use(readBans(file));
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
    this.#networks = bans
      .filter(({ address }) => address !== undefined)
      .map((ban) => ({ ban, list: blockListOf(nameOf(ban)) }));
  }
}

function blockListOf(network: string): BlockList {
  const [address = '', prefix] = network.split('/');
  const list = new BlockList();
  const isSix = isIPv6(address);
  // We tell networks of 64 bits apart, and nothing within one.
  const length = Math.min(Number(prefix ?? (isSix ? 64 : 32)), isSix ? 64 : 32);
  list.addSubnet(address, length, isSix ? 'ipv6' : 'ipv4');
  return list;
}
