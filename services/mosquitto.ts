import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { choosePorts } from '#runtime/choose-ports.ts';
import { type ServiceControl, startService } from './service-process.ts';
import type { Tool } from './tools.ts';

export const MOSQUITTO: Tool = {
  command: 'mosquitto',
  purpose: 'an MQTT broker in front of the pipeline',
  install: 'apt-get install mosquitto',
};

export interface MosquittoOptions {
  /** The program; default: that of the PATH (Debian has it in /usr/sbin). */
  readonly command?: string | undefined;
  /** Lines of its configuration, besides those that make it keep what it acknowledged. */
  readonly config?: readonly string[];
}

export interface Mosquitto extends AsyncDisposable, ServiceControl {
  readonly port: number;
  /** `mqtt://127.0.0.1:…` */
  readonly url: string;
  /** What it writes when it saves. */
  readonly databaseFile: string;
}

/**
 * Eclipse Mosquitto with persistence, on loopback, for anybody; data and port stay over a restart. Without bounds on what
 * it keeps for a client that is away: with its defaults it throws away what is more than 1,000 messages.
 */
export async function startMosquitto({
  command = 'mosquitto',
  config = [],
}: MosquittoOptions = {}): Promise<Mosquitto> {
  const folder = mkdtempSync(path.join(tmpdir(), 'mosquitto-'));
  const [port] = (await choosePorts([undefined])) as [number];
  const data = path.join(folder, 'data');
  mkdirSync(data, { recursive: true });
  const configFile = path.join(folder, 'mosquitto.conf');
  const lines = [
    `listener ${port} 127.0.0.1`,
    // Started by root it would become another user, who may not write here.
    `user ${userInfo().username}`,
    'persistence true',
    `persistence_location ${data}/`,
    'max_queued_messages 0',
    ...(config.some((line) => line.startsWith('allow_anonymous')) ? [] : ['allow_anonymous true']),
    ...config,
  ];
  writeFileSync(configFile, `${lines.join('\n')}\n`);
  const control = await startService({
    name: 'Mosquitto',
    command,
    args: ['-c', configFile],
    logFile: path.join(folder, 'log'),
    isReady: () => accepts(port),
  });
  return Object.assign(control, {
    port,
    url: `mqtt://127.0.0.1:${port}`,
    databaseFile: path.join(data, 'mosquitto.db'),
    async [Symbol.asyncDispose]() {
      await control.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  });
}

async function accepts(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } finally {
    socket.destroy();
  }
}
