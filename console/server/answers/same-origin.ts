import type { FastifyRequest } from 'fastify';

const ANOTHER_SITE = 'it comes from a page of another site';

/**
 * Why a request to the API is refused; `undefined` when it is not. A page of a stranger can make a browser send one, with its cookies:
 * then the browser says where it comes from (Fetch Metadata, RFC 6454), and a body of JSON is something that it does not send across
 * origins unasked. What only reads is refused as well, for the stranger could not see the answer, but it costs us; by a link, too, which a
 * frame follows without a person: links lead to pages, whose own questions are not a stranger's. Programs say nothing of all that, and may.
 */
export function whyNotOurs({
  method,
  headers,
  host,
}: Pick<FastifyRequest, 'method' | 'headers' | 'host'>): string | undefined {
  const { origin } = headers;
  const site = headers['sec-fetch-site'];
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return ANOTHER_SITE;
  if (method === 'GET' || method === 'HEAD') return undefined;
  if (origin !== undefined && hostOf(origin) !== host.toLowerCase()) return ANOTHER_SITE;
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  if (method !== 'DELETE' && type !== 'application/json') return 'expected content-type: application/json';
  return undefined;
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
