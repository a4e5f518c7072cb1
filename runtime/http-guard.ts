import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BackOff } from '#runtime/back-off.ts';
import { clientAddress } from '#runtime/client-address.ts';
import { hostNameOf, isNobodyElses } from '#runtime/host-name.ts';
import { pathOf } from '#runtime/request-path.ts';
import { sourceOf } from '#runtime/source-of.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answered to everybody: it holds nothing that is anybody's secret. */
    readonly open?: boolean;
    /** Answered to everybody, unless there is a token, and then to that alone. */
    readonly metrics?: boolean;
  }
}

export interface HttpGuardOptions {
  readonly host: string;
  /** Whoever asks must show it; `undefined` = nobody has to. */
  readonly token?: string | undefined;
  /** Of the console: opens all but the metrics, which without a token are open. */
  readonly password?: string | undefined;
  /** Names by which the server may be asked, beside those that `isAskedByOurName` always takes. */
  readonly allowedHosts?: readonly string[];
  /** Addresses and networks whose `X-Forwarded-…` are believed. */
  readonly trustedProxies?: readonly string[];
}

/** Its page asks for the password itself: a browser that does so, too, would stand in front of it. */
const CONSOLE_API = '/api/v1/';

/**
 * Who may ask. Without a token and a password everybody may; the token opens everything, the password all but the metrics.
 * What a route is stands beside it (`config`), and the router alone decides which one a path means, however that is written.
 * Who has logged in may see the metrics, too: the console shows more than those.
 * Each is shown as bearer token or as the password of any user, or was shown before (`isLoggedIn`).
 */
export class HttpDoor {
  readonly #options: HttpGuardOptions;
  readonly #toAll: readonly Buffer[];
  readonly #toMetrics: readonly Buffer[];
  /** Whether somebody has shown a right word before. Set by who keeps that. */
  isLoggedIn: (request: FastifyRequest) => boolean = () => false;
  /** Told of each wrong word. Set by who tells it on. */
  onWrongWord: (address: string) => void = () => undefined;
  /** By source (`sourceOf`): whoever guesses a password keeps out himself, and nobody elsewhere. A token is too long to be guessed. */
  readonly #guesses: BackOff | undefined;

  constructor(options: HttpGuardOptions) {
    this.#options = options;
    const { token, password } = options;
    this.#guesses = password === undefined ? undefined : new BackOff();
    this.#toMetrics = [token].flatMap((word) => (word === undefined ? [] : [digest(word)]));
    this.#toAll = [token, password].flatMap((word) => (word === undefined ? [] : [digest(word)]));
  }

  /** Whether anything has to be shown. */
  get isClosed(): boolean {
    return this.#toAll.length > 0;
  }

  /** For `onRequest`: answers those who may not ask, before anything of their request is looked at. */
  async guard(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> {
    // Both names: many proxies hand on an X-Forwarded-Host that the client made up.
    const names = [request.headers.host ?? '', request.host];
    if (!names.every((name) => isAskedByOurName(name, this.#options)))
      return reply
        .code(421)
        .send({ error: 'asked by a name that is not ours (HTTP_ALLOWED_HOSTS says which are)' });
    const { open = false, metrics = false } = request.routeOptions.config;
    if (open) return undefined;
    const wanted = metrics ? this.#toMetrics : this.#toAll;
    if (wanted.length === 0 || this.isLoggedIn(request)) return undefined;
    const word = wordOf(request);
    const { isRight, waitMs } =
      word === '' ? NOTHING_SHOWN : this.#tries(word, clientAddress(request), wanted);
    if (isRight) return undefined;
    if (pathOf(request.url).startsWith(CONSOLE_API)) {
      const message = 'Log in, or show the token.';
      return reply.code(waitMs > 0 ? 429 : 401).send({ error: { code: 'unauthorized', message } });
    }
    return reply
      .code(waitMs > 0 ? 429 : 401)
      .header('www-authenticate', 'Basic realm="telemetry", charset="UTF-8"')
      .send({ error: `expected ${this.#expected(metrics)}, as bearer token or as the password of any user` });
  }

  /** Whether the request would be answered, whatever it asks for. */
  letsIn(request: FastifyRequest): boolean {
    if (!this.isClosed || this.isLoggedIn(request)) return true;
    const word = wordOf(request);
    return word !== '' && this.tries(word, clientAddress(request)).isRight;
  }

  /** Tries a word. `waitMs` above 0: it was not looked at, because wrong ones came before. */
  tries(word: string, address: string): { readonly isRight: boolean; readonly waitMs: number } {
    return this.#tries(word, address, this.#toAll);
  }

  #tries(word: string, address: string, wanted: readonly Buffer[]) {
    const shown = digest(word);
    const isAmong = (words: readonly Buffer[]): boolean =>
      words.filter((expected) => timingSafeEqual(shown, expected)).length > 0;
    // Programs do not wait for what somebody else at their address tries.
    if (isAmong(this.#toMetrics)) return { isRight: true, waitMs: 0 };
    const source = sourceOf(address);
    const waitMs = this.#guesses?.waitMs(source) ?? 0;
    if (waitMs > 0) return { isRight: false, waitMs };
    const isRight = isAmong(wanted);
    if (isRight) this.#guesses?.forget(source);
    else {
      this.#guesses?.failed(source);
      this.onWrongWord(address);
    }
    return { isRight, waitMs: 0 };
  }

  #expected(metrics: boolean): string {
    const { token, password } = this.#options;
    if (password === undefined || metrics) return 'HTTP_TOKEN';
    return token === undefined ? 'CONSOLE_PASSWORD' : 'HTTP_TOKEN or CONSOLE_PASSWORD';
  }
}

const NOTHING_SHOWN = { isRight: false, waitMs: 0 };

/**
 * Whether the request names us, and not a stranger whose name leads to us.
 *
 * @param host the header `Host`, or what a trusted proxy was asked as; empty = there is none
 */
function isAskedByOurName(host: string, { host: bound, allowedHosts = [] }: HttpGuardOptions): boolean {
  const name = hostNameOf(host);
  if (name === '') return false;
  return isNobodyElses(name) || [bound, ...allowedHosts].some((allowed) => allowed.toLowerCase() === name);
}

/** What was shown; empty = nothing. */
function wordOf({ headers: { authorization = '' } }: FastifyRequest): string {
  const [, scheme = '', value = ''] = /^(\S+) +(\S.*)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return '';
  const login = Buffer.from(value, 'base64').toString('utf8');
  return login.slice(login.indexOf(':') + 1);
}

/** Of equal length, whatever came. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
