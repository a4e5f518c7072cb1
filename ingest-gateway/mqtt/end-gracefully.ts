import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';

/**
 * Ends connections so that what was written to them arrives: a socket that is destroyed with unread input sends RST,
 * upon which the device throws away the acknowledgements that it has not read yet. So the input is read and dropped
 * until the device ends its side, too. Clients slower than `lingerMs` are cut off and send again what they miss.
 */
export async function endGracefully(connections: Iterable<Connection>, lingerMs: number): Promise<void> {
  const ends = Array.from(connections, ({ stream, gate }) => {
    gate.discardInput();
    stream.end();
    return stream.closed ? undefined : new Promise<void>((resolve) => stream.once('close', () => resolve()));
  });
  await Promise.race([Promise.all(ends), sleep(lingerMs, undefined, { ref: false })]);
}
