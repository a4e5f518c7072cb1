import { readFileSync } from 'node:fs';
import type { GatewayLimits } from './gateway-limits.ts';

/** For files, threads, HTTP, brokers and the store; of a very low limit, half. */
const KEPT = 200;

/** Files and sockets that this process may have open; `undefined` where the system does not say it in this way. */
export function openFilesLimit(): number | undefined {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return match === null ? undefined : Number(match[1]);
  } catch {
    return undefined;
  }
}

/** Connections in all, those for devices that were seen before included. */
export function connectionsOf({ connections, reservedConnections }: GatewayLimits): number {
  return connections + reservedConnections;
}

/**
 * Limits that leave some descriptors to others than devices: with none left, files, log and store cannot be opened, HTTP
 * answers nobody, and a supervisor takes the gateway for dead. Pure.
 */
export function withinDescriptors(limits: GatewayLimits, openFiles: number | undefined): GatewayLimits {
  const wanted = connectionsOf(limits);
  if (openFiles === undefined) return limits;
  const room = openFiles - Math.min(KEPT, Math.floor(openFiles / 2));
  if (wanted <= room) return limits;
  const reservedConnections = Math.floor((room * limits.reservedConnections) / wanted);
  return { ...limits, connections: room - reservedConnections, reservedConnections };
}
