import type { Duplex } from 'node:stream';
import type { Aedes, Client } from 'aedes';
import type { HeldInput } from '#ingest-gateway/held-input.ts';
import type { CostlyPacket } from './packet-cost.ts';
import type { PacketBytes, ParsedPacket } from './packet-structure.ts';

/**
 * The private parts of aedes that the guards of this folder lean on. They are not promised by aedes: package.json pins
 * its exact version, and `assertKnownVersions` refuses another one at start instead of running without a guard.
 */
export interface AedesInternals {
  /** Packets that must complete before aedes reads again by itself. */
  _parsingBatch: number;
  /** Calls back when the socket takes data again; ends the client when that takes longer than `drainTimeout`. */
  waitForDrain(callback: () => void): void;
  /** A DISCONNECT came. */
  readonly _disconnected: boolean;
  readonly _parser: ParserInternals;
}

/** The parser of `mqtt-packet` that aedes makes for each client. */
export interface ParserInternals {
  /** The packet being collected; `length` is -1 until its header is complete. */
  readonly packet: ReceivedPacket;
  /** What came of it so far, behind the fixed header. */
  readonly _list: PacketBytes & HeldInput;
  /** 0 between two packets. */
  readonly _stateCounter: number;
  /** Of the slice before: the next one begins anew. */
  readonly error: Error | null;
  /** The CONNECT packet, once it was parsed. */
  readonly settings: { readonly protocolVersion?: number; password?: Uint8Array | undefined };
  /** @returns bytes that are held because their packet is not complete. */
  parse(bytes: Buffer): number;
  _parseSubscribe(): void;
  _parseUnsubscribe(): void;
  /** Ends the parsing of the slice, and the client. */
  _emitError(error: Error): void;
  on(event: 'packet', listener: (packet: ReceivedPacket) => void): unknown;
  off(event: 'packet', listener: (packet: ReceivedPacket) => void): unknown;
  prependListener(event: 'packet', listener: (packet: ReceivedPacket) => void): unknown;
  emit(event: 'packet' | 'error', subject: unknown): boolean;
}

/** A packet as the parser hands it to aedes. */
export interface ReceivedPacket extends ParsedPacket, CostlyPacket {
  /** Of a PUBLISH; so are the next. */
  topic?: string;
  readonly retain?: boolean;
  readonly dup?: boolean;
  /** Of a SUBSCRIBE. */
  readonly subscriptions?: { topic: string }[];
  /** Filters of an UNSUBSCRIBE. */
  readonly unsubscriptions?: string[];
}

export function internalsOf(client: Client): AedesInternals {
  return client as unknown as AedesInternals;
}

/**
 * The parser keeps the CONNECT packet as long as the connection: a secret, and with it, of which it is a view, all bytes that came
 * together with it.
 */
export function forgetPassword({ _parser }: AedesInternals): void {
  if (_parser.settings.password !== undefined) _parser.settings.password = undefined;
}

/**
 * Gives a stream to aedes, but not the news that its input ended, upon which it would close at once: `Publishes` does
 * that in its time.
 */
export function handleWithoutEnd(aedes: Aedes, stream: Duplex): Client {
  const { length } = stream.listeners('end');
  const client = aedes.handle(stream);
  const closeAtOnce = stream.listeners('end')[length];
  if (closeAtOnce === undefined) throw new Error('aedes does not listen to the end of its input');
  stream.off('end', closeAtOnce as () => void);
  return client;
}
