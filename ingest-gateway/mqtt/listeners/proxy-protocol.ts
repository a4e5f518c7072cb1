import { isIP, isIPv4 } from 'node:net';

/** What a balancer says about a connection that it passes on, before the first byte of it. */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid'; readonly why: string }
  | {
      readonly kind: 'complete';
      /** Bytes of the header; what follows is the client's. */
      readonly bytes: number;
      /** Where the client is; `undefined` = the balancer speaks for itself (its health check). */
      readonly address: string | undefined;
    };

const SIGNATURE = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1');
/** The longest line of version 1, its end included. */
const LINE_BYTES = 107;
/** Of version 2, with room for what else a balancer tells (TLS, names). */
const MOST_BYTES = 16 + 2_048;

const INCOMPLETE: ProxyHeader = { kind: 'incomplete' };

/**
 * Reads a header of the PROXY protocol, version 1 or 2 (HAProxy, doc/proxy-protocol.txt). Who is allowed to send one can
 * say any address: the port must be reachable from the balancer only.
 */
export function parseProxyHeader(received: Buffer): ProxyHeader {
  const begun = Math.min(received.length, SIGNATURE.length);
  if (received.subarray(0, begun).equals(SIGNATURE.subarray(0, begun)))
    return received.length < 16 ? INCOMPLETE : parseBinary(received);
  return parseLine(received);
}

function parseLine(received: Buffer): ProxyHeader {
  const start = received.subarray(0, 6).toString('latin1');
  if (!'PROXY '.startsWith(start)) return invalid('no PROXY protocol header');
  const end = received.subarray(0, LINE_BYTES).indexOf('\r\n');
  if (end < 0) return received.length < LINE_BYTES ? INCOMPLETE : invalid('its line is too long');
  const [, family, address = '', target, sourcePort, targetPort, ...rest] = received
    .subarray(0, end)
    .toString('latin1')
    .split(' ');
  const bytes = end + 2;
  if (family === 'UNKNOWN') return { kind: 'complete', bytes, address: undefined };
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : undefined;
  const isWhole =
    version !== undefined &&
    isIP(address) === version &&
    isIP(target ?? '') === version &&
    isPort(sourcePort) &&
    isPort(targetPort) &&
    rest.length === 0;
  return isWhole ? { kind: 'complete', bytes, address } : invalid('its line is malformed');
}

function parseBinary(received: Buffer): ProxyHeader {
  const versionAndCommand = received.readUInt8(12);
  const family = received.readUInt8(13) >> 4;
  const bytes = 16 + received.readUInt16BE(14);
  if (versionAndCommand >> 4 !== 2) return invalid('an unknown version');
  if (bytes > MOST_BYTES) return invalid('too long');
  if (received.length < bytes) return INCOMPLETE;
  const command = versionAndCommand & 0x0f;
  if (command > 1) return invalid('an unknown command');
  // LOCAL, and addresses that are none of the internet's: the balancer speaks for itself.
  if (command === 0 || (family !== 1 && family !== 2)) return { kind: 'complete', bytes, address: undefined };
  const length = family === 1 ? 4 : 16;
  if (bytes < 16 + 2 * length + 4) return invalid('its addresses are cut');
  return { kind: 'complete', bytes, address: textOf(received.subarray(16, 16 + length)) };
}

function textOf(address: Buffer): string {
  if (address.length === 4) return address.join('.');
  const groups = Array.from({ length: 8 }, (_, i) => address.readUInt16BE(2 * i).toString(16)).join(':');
  const mapped = `${address.subarray(12).join('.')}`;
  return groups.startsWith('0:0:0:0:0:ffff:') && isIPv4(mapped) ? mapped : groups;
}

function isPort(text: string | undefined): boolean {
  return text !== undefined && /^(0|[1-9]\d{0,4})$/.test(text) && Number(text) <= 65_535;
}

function invalid(why: string): ProxyHeader {
  return { kind: 'invalid', why };
}
