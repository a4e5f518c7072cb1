import { isIP } from 'node:net';

/** The name in a header `Host`, or in what stands behind the scheme of an origin. */
export function hostNameOf(authority: string): string {
  return authority
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '')
    .toLowerCase();
}

/**
 * Whether a name that leads to us cannot be a stranger's. A page of a stranger can let its own name resolve to an address
 * of ours, and speak with us as with its own server ("DNS rebinding"): such a name has a dot.
 */
export function isNobodyElses(name: string): boolean {
  return name !== '' && (isIP(name) !== 0 || !name.includes('.') || name.endsWith('.localhost'));
}
