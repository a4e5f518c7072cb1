import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RandomStream, randomStreams } from '#simulator/random-stream.ts';
import type { Target } from '#tests/security/attack.ts';
import { eventOrEnd, openSocket } from '#tests/security/attackers.ts';
import type { FuzzSource } from './fuzz-source.ts';
import { HTTP_REQUESTS } from './http-requests.ts';
import { MQTT3_PACKETS } from './mqtt3-packets.ts';
import { MQTT5_PACKETS } from './mqtt5-packets.ts';
import { WEB_SOCKET_FRAMES } from './web-socket-frames.ts';

/** How often each is taken, in shares of the whole. */
const SOURCES: readonly [FuzzSource, ...FuzzSource[]] = [
  MQTT3_PACKETS,
  MQTT3_PACKETS,
  MQTT3_PACKETS,
  MQTT3_PACKETS,
  MQTT3_PACKETS,
  MQTT5_PACKETS,
  MQTT5_PACKETS,
  MQTT5_PACKETS,
  MQTT5_PACKETS,
  MQTT5_PACKETS,
  WEB_SOCKET_FRAMES,
  WEB_SOCKET_FRAMES,
  HTTP_REQUESTS,
];
const CONNECTIONS = 40;
/** A connection whose other side does not read is given up, as an attacker would. */
const PATIENCE_MS = 500;

/**
 * For the pipeline. An address that only sends what is refused would soon be let in no more; and devices are slowed, so
 * that a connection also ends while much that it sent is unread.
 */
export const FUZZED = {
  MQTT_FAILURES_PER_SECOND_PER_ADDRESS: '100000',
  MQTT_MESSAGES_PER_SECOND: '100',
  MQTT_MESSAGE_BURST: '100',
};

export interface FuzzOptions {
  readonly seed: number;
  readonly durationMs: number;
  /** Ends earlier when so many were sent. */
  readonly packets: number;
}

/** Sends hostile input over many connections at once. The same seed sends the same. @returns packets sent */
export async function fuzz(target: Target, { seed, durationMs, packets }: FuzzOptions): Promise<number> {
  const over = AbortSignal.timeout(durationMs);
  const streams = randomStreams(seed);
  let sent = 0;
  const worker = async (random: RandomStream): Promise<void> => {
    while (!over.aborted && sent < packets) {
      const done = new AbortController();
      const source = random.pick(SOURCES);
      const socket = await openSocket(source.port(target), done.signal);
      sent += await sendAll(socket, source.connection(random), random);
      await goodbye(socket, random);
      done.abort();
    }
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, () => worker(streams.next().value)));
  return sent;
}

async function sendAll(socket: Socket, pieces: Iterable<Buffer>, random: RandomStream): Promise<number> {
  let sent = 0;
  let together: Buffer[] = [];
  const flush = async (): Promise<void> => {
    const bytes = Buffer.concat(together);
    together = [];
    if (socket.writable && !socket.write(bytes))
      await Promise.race([eventOrEnd(socket, 'drain'), sleep(PATIENCE_MS)]);
  };
  for (const piece of pieces) {
    if (!socket.writable) break;
    together.push(piece);
    sent++;
    if (random.chance(0.05)) await flush();
  }
  await flush();
  return sent;
}

/** An end that a network or a device can make. */
async function goodbye(socket: Socket, random: RandomStream): Promise<void> {
  const kind = random.below(4);
  if (kind === 0) socket.resetAndDestroy();
  else if (kind === 1) socket.destroy();
  else if (kind === 2) socket.end();
  if (!socket.destroyed)
    await Promise.race([new Promise((resolve) => socket.once('close', resolve)), sleep(PATIENCE_MS)]);
}
