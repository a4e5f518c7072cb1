import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from './connection.ts';

/** Ends connections because the gateway stops. Clients slower than `lingerMs` send again what they miss. */
export async function endGracefully(connections: Iterable<Connection>, lingerMs: number): Promise<void> {
  const ends = Array.from(connections, (connection) => {
    const { answers, stream } = connection;
    connection.end(answers.farewell('shuttingDown'));
    return stream.closed ? undefined : new Promise<void>((resolve) => stream.once('close', () => resolve()));
  });
  await Promise.race([Promise.all(ends), sleep(lingerMs, undefined, { ref: false })]);
}
