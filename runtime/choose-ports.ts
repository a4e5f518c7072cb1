import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the range that systems hand out to outgoing connections (Linux 32768–60999, others from 49152): a broker that
 * is down for a moment must find its port again, not a client's connection sitting on it.
 */
const AUTO_PORTS = { from: 20_000, to: 32_000 };

/** Whether a server could listen on this port of the loopback interface now. */
export async function isPortFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  } finally {
    server.close();
  }
}

/**
 * As many different free ports as there are entries: the preferred one where it is free, else one picked at random (so
 * that processes which choose at the same time rarely pick the same).
 */
export async function choosePorts(preferred: readonly (number | undefined)[]): Promise<number[]> {
  const chosen: number[] = [];
  for (const wish of preferred) {
    let port = wish ?? randomPort();
    while (chosen.includes(port) || !(await isPortFree(port))) port = randomPort();
    chosen.push(port);
  }
  return chosen;
}

const randomPort = () => randomInt(AUTO_PORTS.from, AUTO_PORTS.to);
