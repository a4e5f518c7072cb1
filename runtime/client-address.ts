import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import { hostNameOf } from '#runtime/host-name.ts';

/**
 * Where a request comes from: the other end of its connection, or, when that is a proxy that is trusted, whom it names in
 * `X-Forwarded-For` (from the end of the header on, as far as addresses are trusted). Always an address: what a client made
 * up stands further ahead, and a proxy that names none stands for itself.
 */
export function clientAddress({ ip, socket }: Pick<FastifyRequest, 'ip' | 'socket'>): string {
  if (isIP(ip) !== 0) return ip;
  // Some proxies add the port.
  const withoutPort = hostNameOf(ip);
  return isIP(withoutPort) === 0 ? (socket.remoteAddress ?? 'unknown') : withoutPort;
}
