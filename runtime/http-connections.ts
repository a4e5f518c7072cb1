import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/**
 * Bounds the connections of an HTTP server so that nobody can keep others out with those that ask for nothing: a supervisor that
 * gets no answer from `/healthz` ends a process that is well.
 *
 * A connection *waits* until a request has come on it as a whole, and again from the end of its answer on; between them it is
 * *served*. With one too many, the one that has waited for longest gives way; if none waits, the oldest that does not take its
 * answer; and if there is none of those either, the new one.
 */
export class HttpConnections {
  readonly #most: number;
  readonly #onRefused: () => void;
  /** With what was last asked on each; the one that came, or was answered, longest ago first. */
  readonly #open = new Map<Socket, Exchange | undefined>();

  /** @param onRefused one had to end. */
  constructor(server: Server, most: number, onRefused: () => void) {
    this.#most = most;
    this.#onRefused = onRefused;
    server.on('connection', (socket: Socket) => this.#enter(socket));
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#serve(request.socket, { request, response }),
    );
  }

  #enter(socket: Socket): void {
    if (this.#open.size >= this.#most) {
      this.#onRefused();
      const leaving = this.#first(waits) ?? this.#first(takesNothing) ?? socket;
      this.#open.delete(leaving);
      leaving.destroy();
    }
    if (socket.destroyed) return;
    this.#open.set(socket, undefined);
    socket.once('close', () => this.#open.delete(socket));
  }

  #serve(socket: Socket, exchange: Exchange): void {
    if (!this.#open.has(socket)) return;
    this.#open.set(socket, exchange);
    exchange.response.once('close', () => {
      if (this.#open.get(socket) !== exchange) return;
      this.#open.delete(socket);
      this.#open.set(socket, undefined);
    });
  }

  #first(isMeant: (socket: Socket, exchange: Exchange | undefined) => boolean): Socket | undefined {
    for (const [socket, exchange] of this.#open) if (isMeant(socket, exchange)) return socket;
    return undefined;
  }
}

/** Its request has not come, or not all of it. */
function waits(_socket: Socket, exchange: Exchange | undefined): boolean {
  return exchange === undefined || !exchange.request.complete;
}

function takesNothing({ writableLength }: Socket): boolean {
  return writableLength > 0;
}
