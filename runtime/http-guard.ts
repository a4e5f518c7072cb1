import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hostNameOf, isNobodyElses } from '#runtime/host-name.ts';

export interface HttpGuardOptions {
  readonly host: string;
  /** Whoever asks must show it; `undefined` = nobody has to. */
  readonly token?: string | undefined;
  /** Names by which the server may be asked, beside those that `isAskedByOurName` always takes. */
  readonly allowedHosts?: readonly string[];
}

/** Asked by supervisors, which have no secrets, and answered with nothing that is one. */
const OPEN_PATHS = new Set(['/healthz', '/readyz']);

/** For `onRequest`: answers those who may not ask, before anything of their request is looked at. */
export function httpGuard(options: HttpGuardOptions) {
  const expected = options.token === undefined ? undefined : digest(options.token);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined> => {
    const { host, authorization } = request.headers;
    if (!isAskedByOurName(host, options))
      return reply
        .code(421)
        .send({ error: 'asked by a name that is not ours (HTTP_ALLOWED_HOSTS says which are)' });
    if (expected === undefined || OPEN_PATHS.has(request.url.split('?', 1)[0] as string)) return undefined;
    if (timingSafeEqual(digest(tokenOf(authorization)), expected)) return undefined;
    return reply
      .code(401)
      .header('www-authenticate', 'Basic realm="telemetry", charset="UTF-8"')
      .send({ error: 'expected HTTP_TOKEN, as bearer token or as the password of any user' });
  };
}

/**
 * Whether the request names us, and not a stranger whose name leads to us.
 *
 * @param host the header `Host`.
 */
function isAskedByOurName(
  host: string | undefined,
  { host: bound, allowedHosts = [] }: HttpGuardOptions,
): boolean {
  if (host === undefined) return false;
  const name = hostNameOf(host);
  if (name === '') return false;
  return isNobodyElses(name) || [bound, ...allowedHosts].some((allowed) => allowed.toLowerCase() === name);
}

function tokenOf(authorization = ''): string {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(authorization) ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (scheme.toLowerCase() !== 'basic') return '';
  const login = Buffer.from(value, 'base64').toString('utf8');
  return login.slice(login.indexOf(':') + 1);
}

/** Of equal length, whatever came. */
function digest(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
