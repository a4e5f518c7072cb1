import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';

/** Who watches, all of them together. */
const MAX_VIEWERS = 64;
/** Bytes that wait for a viewer's connection: about a minute of the flow. Beyond it is dropped, and may come again. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A connection that nothing is written to is taken for dead by what stands in between. Milliseconds. */
const HEARTBEAT_MS = 15_000;

/**
 * Those who watch over server-sent events. A message is made once and written to all; a viewer that does not take what it
 * was sent is dropped, so that it holds nothing but what its own connection may hold. Its browser connects again by itself.
 *
 * A viewer: *watching* (`add`) → *gone*, when its connection closes, when it is dropped, or when all are (`close`).
 */
export class Viewers implements Disposable {
  readonly #viewers = new Set<ServerResponse>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #onDropped: () => void;

  constructor(onDropped: () => void) {
    this.#onDropped = onDropped;
    this.#heartbeat = setInterval(() => this.#write(':\n\n', this.#viewers), HEARTBEAT_MS).unref();
  }

  get size(): number {
    return this.#viewers.size;
  }

  get isFull(): boolean {
    return this.#viewers.size >= MAX_VIEWERS;
  }

  /** Begins the answer, and takes it over. @param first what it gets at once */
  add(reply: FastifyReply, first: string): void {
    reply.hijack();
    const response = reply.raw;
    // One who left while its first message was made says no more that it does.
    if (response.destroyed) return;
    response.writeHead(200, {
      ...(reply.getHeaders() as OutgoingHttpHeaders),
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no',
    });
    response.write(`retry: 2000\n\n${first}`);
    this.#viewers.add(response);
    response.once('close', () => this.#viewers.delete(response));
  }

  send(message: string): void {
    this.#write(message, this.#viewers);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    for (const viewer of this.#viewers) viewer.end();
  }

  #write(message: string, viewers: Iterable<ServerResponse>): void {
    for (const viewer of viewers) {
      if (viewer.writableLength > MAX_WAITING_BYTES) {
        this.#viewers.delete(viewer);
        viewer.destroy();
        this.#onDropped();
      } else viewer.write(message);
    }
  }
}

/** One server-sent event. */
export function eventText(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
