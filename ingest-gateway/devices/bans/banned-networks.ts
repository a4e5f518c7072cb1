import { sourceOf } from '#runtime/source-of.ts';
import { type Ban, isOver, nameOf } from './bans-file.ts';

/** Networks of one length. */
interface SameLength {
  /** Bits of an address that are not the network's. */
  readonly hostBits: bigint;
  /** By family and network. */
  readonly bans: Map<string, Ban[]>;
}

/** In an IPv6 address an IPv4 address begins there. */
const MAPPED_BITS = 96;

/**
 * The addresses and networks that are banned. Asked for each connection before anything else, and most of all under attack: so a
 * look costs the same for ten of them and for ten thousand, one for each length that any has.
 *
 * Networks are counted as addresses are (`sourceOf`): nothing within 64 bits of IPv6 is told apart, and IPv4 written as IPv6
 * is IPv4.
 */
export class BannedNetworks {
  readonly #byHostBits = new Map<bigint, SameLength>();

  /** @param bans of addresses */
  constructor(bans: readonly Ban[]) {
    for (const ban of bans) {
      const { family, bits, hostBits } = networkOf(nameOf(ban));
      const same = this.#byHostBits.get(hostBits) ?? { hostBits, bans: new Map<string, Ban[]>() };
      this.#byHostBits.set(hostBits, same);
      const key = `${family} ${bits >> hostBits}`;
      same.bans.set(key, [...(same.bans.get(key) ?? []), ban]);
    }
  }

  /** @param source as `sourceOf` gives it */
  find(source: string, now: number): Ban | undefined {
    if (this.#byHostBits.size === 0 || source === 'unknown') return undefined;
    const { family, bits } = placeOf(source);
    for (const { hostBits, bans } of this.#byHostBits.values()) {
      const ban = bans.get(`${family} ${bits >> hostBits}`)?.find((it) => !isOver(it, now));
      if (ban !== undefined) return ban;
    }
    return undefined;
  }
}

/** @param name an address, or one with the length of a prefix */
function networkOf(name: string): Place & { readonly hostBits: bigint } {
  const [address = '', prefix] = name.split('/');
  const place = placeOf(sourceOf(address));
  const isMapped = place.family === 4 && address.includes(':');
  const most = isMapped ? MAPPED_BITS + place.length : place.length;
  const length = Math.min(most, Number(prefix ?? most)) - (isMapped ? MAPPED_BITS : 0);
  // Shorter than what says "IPv4": a network of IPv6, in which nothing else is.
  if (length < 0) return networkOf(`::/${prefix}`);
  return { ...place, hostBits: BigInt(place.length - length) };
}

interface Place {
  readonly family: 4 | 6;
  readonly bits: bigint;
  /** Bits that there are. */
  readonly length: number;
}

/** @param source `a.b.c.d`, or `a:b:c:d::/64` */
function placeOf(source: string): Place {
  const isSix = source.includes(':');
  const parts = isSix ? source.slice(0, source.indexOf('::')).split(':') : source.split('.');
  const partBits = isSix ? 16n : 8n;
  let bits = 0n;
  for (const part of parts) bits = (bits << partBits) | BigInt(isSix ? `0x${part}` : part);
  return { family: isSix ? 6 : 4, bits, length: isSix ? 64 : 32 };
}
