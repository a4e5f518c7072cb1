import type { FastifyRequest } from 'fastify';

/**
 * Why a request that changes something is refused; `undefined` when it is not. A page of a stranger can make a browser send
 * one, with its cookies: then the browser says where it comes from (Fetch Metadata, RFC 6454), and a body of JSON is something
 * that it does not send across origins unasked. Programs say nothing of all that, and may.
 */
export function whyNotOurs({
  method,
  headers,
  host,
}: Pick<FastifyRequest, 'method' | 'headers' | 'host'>): string | undefined {
  if (method === 'GET' || method === 'HEAD') return undefined;
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    return 'it comes from a page of another site';
  if (origin !== undefined && hostOf(origin) !== host.toLowerCase())
    return 'it comes from a page of another site';
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (method !== 'DELETE' && type !== 'application/json') return 'expected content-type: application/json';
  return undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
