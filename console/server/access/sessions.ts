import { createHash, randomBytes } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';

const COOKIE = 'telemetry-console';
/** Without a request in this time a session is over. Milliseconds. */
const IDLE_MS = 12 * 60 * 60 * 1000;
/** The longest unused goes first. */
const CAPACITY = 1_000;

/**
 * Who has shown the password: a browser holds a random word in a cookie that no script can read and that no other site makes
 * it send. Kept in memory alone, by a hash: a restart ends all sessions.
 *
 * @see console/server/access/session-routes.ts
 */
export class Sessions {
  readonly #now: () => number;
  /** By the hash of their words, when they were used last; the longest unused first. */
  readonly #usedAt = new Map<string, number>();

  /** @param now milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  open(request: FastifyRequest, reply: FastifyReply): void {
    const word = randomBytes(32).toString('base64url');
    this.#used(hashOf(word));
    if (this.#usedAt.size > CAPACITY) this.#usedAt.delete(this.#usedAt.keys().next().value as string);
    reply.header('set-cookie', cookie(request, word, IDLE_MS / 1000));
  }

  close(request: FastifyRequest, reply: FastifyReply): void {
    const word = wordOf(request);
    if (word !== undefined) this.#usedAt.delete(hashOf(word));
    reply.header('set-cookie', cookie(request, '', 0));
  }

  /** Whether the request belongs to one; it is used by asking. */
  has(request: FastifyRequest): boolean {
    const word = wordOf(request);
    if (word === undefined) return false;
    const key = hashOf(word);
    const usedAt = this.#usedAt.get(key);
    if (usedAt === undefined) return false;
    this.#usedAt.delete(key);
    if (this.#now() - usedAt > IDLE_MS) return false;
    this.#used(key);
    return true;
  }

  #used(key: string): void {
    this.#usedAt.set(key, this.#now());
  }
}

function wordOf({ headers: { cookie: cookies = '' } }: FastifyRequest): string | undefined {
  return new RegExp(`(?:^|; *)${COOKIE}=([\\w-]{43})(?:;|$)`).exec(cookies)?.[1];
}

/** Behind a proxy with TLS it is not sent without. */
function cookie(request: FastifyRequest, word: string, seconds: number): string {
  const secure = request.headers['x-forwarded-proto'] === 'https' ? '; Secure' : '';
  return `${COOKIE}=${word}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${seconds}${secure}`;
}

function hashOf(word: string): string {
  return createHash('sha256').update(word).digest('base64');
}
