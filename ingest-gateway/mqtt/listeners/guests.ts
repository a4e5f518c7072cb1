import type { Socket } from 'node:net';
import { sourceOf } from '#runtime/source-of.ts';
import type { Door, Guest } from './door.ts';
import type { Arrival, Verdict } from './listener.ts';

/** Of a socket, what TLS and WebSocket pass on to whoever asks: neither tells which socket it runs on. */
export type Peer = Pick<Socket, 'localAddress' | 'remoteAddress' | 'remotePort'>;

/** The connections of one listener, which differ in their two ends, while they are open: its own port is the same for all. */
export class Guests {
  readonly #door: Door;
  readonly #byPeer = new Map<string, Guest>();

  constructor(door: Door) {
    this.#door = door;
  }

  /** @returns whether it was let in; otherwise it is destroyed */
  enter(socket: Socket, address: string | undefined): boolean {
    const guest = this.#door.enter(socket, sourceOf(address));
    if (guest === undefined) return false;
    const key = keyOf(socket);
    this.#byPeer.set(key, guest);
    // Later: that a handshake failed is told after its socket was closed.
    socket.once('close', () =>
      setImmediate(() => {
        if (this.#byPeer.get(key) === guest) this.#byPeer.delete(key);
      }),
    );
    return true;
  }

  /** Where the client of a connection is, as `sourceOf` gives it. */
  addressOf(peer: Peer): string {
    return this.#byPeer.get(keyOf(peer))?.address ?? sourceOf(peer.remoteAddress);
  }

  /** It ends because of us, and that was counted. */
  isTurnedAway(peer: Peer): boolean {
    return this.#byPeer.get(keyOf(peer))?.isTurnedAway === true;
  }

  /** What is to be told of a connection whose bytes are passed on as they are. */
  of(peer: Peer): Pick<Arrival, 'greeted' | 'judged'> {
    return { greeted: () => this.greeted(peer), judged: (verdict) => this.judged(peer, verdict) };
  }

  /** Its CONNECT was parsed. */
  greeted(peer: Peer): void {
    const guest = this.#byPeer.get(keyOf(peer));
    if (guest !== undefined) this.#door.greeted(guest);
  }

  judged(peer: Peer, verdict: Verdict): void {
    const guest = this.#byPeer.get(keyOf(peer));
    if (guest !== undefined) this.#door.judged(guest, verdict);
  }
}

function keyOf({ localAddress, remoteAddress, remotePort }: Peer): string {
  return `${localAddress} ${remoteAddress} ${remotePort}`;
}
