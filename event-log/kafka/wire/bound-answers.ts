import type { Socket } from 'node:net';
import { insideKafkajs } from './kafkajs-internals.ts';

/** A fetch asks for 10 MiB, and a single record batch comes whole, however large its topic lets it be. */
const MOST_ANSWER_BYTES = 256 * 1024 * 1024;
/** A broker that throttles for longer lets its client wait by itself: it reads nothing more of the connection (KIP-219). */
const MOST_THROTTLE_MS = 3_000;
/** Brokers say 4,096 to some ten thousand: this many take half a second. */
const MOST_ITERATIONS = 1_000_000;

interface Connection {
  readonly socket: Socket;
  /** Bytes that make the answer in hand complete, its length included. */
  readonly bytesNeeded: number;
  processData(bytes: Buffer): void;
}

interface RequestQueue {
  maybeThrottle(ms: number | null): void;
}

type SaltAndHash = (password: string, salt: Buffer, iterations: number, digest: object) => Promise<Buffer>;

let bounded = false;

/**
 * kafkajs believes what stands in an answer, and so whoever listens on a broker's port, also before any login:
 *
 * - *its length*: one of less than its own four bytes is thrown over in a listener of the socket, which ends the process, and
 *   whatever is announced is gathered. The connection fails instead, as when it breaks.
 * - *how long to hold requests back*: up to 24 days, in which those that wait have no time-out, and nothing says why.
 * - *how often a password is hashed* (SCRAM): in threads that nothing can end, nor the process before them.
 */
export function boundAnswers(): void {
  if (bounded) return;
  bounded = true;
  boundFrames();
  boundThrottling();
  boundScram();
}

function boundFrames(): void {
  const { prototype } = insideKafkajs<{ prototype: Connection }>('network/connection.js');
  const original = prototype.processData;
  prototype.processData = function (this: Connection, bytes: Buffer) {
    try {
      original.call(this, bytes);
      if (this.bytesNeeded > MOST_ANSWER_BYTES)
        throw new Error(`an answer of ${this.bytesNeeded} bytes is announced`);
    } catch (cause) {
      this.socket.destroy(new Error('what came is no answer of a Kafka broker', { cause }));
    }
  };
}

function boundThrottling(): void {
  const { prototype } = insideKafkajs<{ prototype: RequestQueue }>('network/requestQueue/index.js');
  const original = prototype.maybeThrottle;
  prototype.maybeThrottle = function (this: RequestQueue, ms: number | null) {
    original.call(this, ms === null ? null : Math.min(ms, MOST_THROTTLE_MS));
  };
}

function boundScram(): void {
  const { SCRAM } = insideKafkajs<{ SCRAM: { hi: SaltAndHash } }>('broker/saslAuthenticator/scram.js');
  const original = SCRAM.hi;
  SCRAM.hi = async (password, salt, iterations, digest) => {
    if (iterations > MOST_ITERATIONS) throw new Error(`the broker asks for ${iterations} iterations`);
    return original.call(SCRAM, password, salt, iterations, digest);
  };
}
