import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket from 'mqtt-packet';
import { changeCredentials } from '#ingest-gateway/devices/credentials-file.ts';
import { generatePassword, hashPassword } from '#ingest-gateway/devices/password-hash.ts';

/** Devices in the credentials file whose password somebody chose: `chosen-0` … */
export const CHOSEN_DEVICES = 400;
/** The one of them, and of all its kind, that has a password which we made. */
export const MADE_DEVICE = 'made-0';
const PASSWORD = 'a password that somebody chose';
/** A gateway that answers later has not let the device in: such a client gives up. */
const PATIENCE_MS = 5_000;

/** All have one password, and so one hash: making four hundred would take longer than the drill. */
export async function writeCredentials(file: string): Promise<void> {
  const hash = await hashPassword(Buffer.from(PASSWORD));
  await changeCredentials(file, async (devices) => {
    for (let index = 0; index < CHOSEN_DEVICES; index++) devices.set(`chosen-${index}`, hash);
    devices.set(MADE_DEVICE, generatePassword().hash);
  });
}

export interface LoginTry {
  readonly port: number;
  readonly clientId: string;
  /** Default: the right one of the devices with a chosen password. */
  readonly password?: string;
  readonly localAddress?: string;
}

/** @returns whether CONNACK 0 came, in time */
export async function logIn({
  port,
  clientId,
  password = PASSWORD,
  localAddress = '127.0.0.1',
}: LoginTry): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true });
  const timer = setTimeout(() => socket.destroy(), PATIENCE_MS);
  let returnCode: number | undefined;
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket
    .on('error', () => undefined)
    .on('data', (answer) => {
      returnCode = answer[3];
      socket.destroy();
    });
  socket.write(
    mqttPacket.generate({
      cmd: 'connect',
      clientId,
      username: clientId,
      password: Buffer.from(password),
      keepalive: 60,
      clean: true,
    }),
  );
  await closed;
  clearTimeout(timer);
  return returnCode === 0;
}

/** Of first logins of good devices, with the right password. */
export interface Logins {
  readonly tried: number;
  readonly right: number;
}

/** Good devices log in, each for the first time, until `signal` fires. From the end of the list: attackers take the others. */
export async function logInMeanwhile(port: number, everyMs: number, signal: AbortSignal): Promise<Logins> {
  const tries: Promise<boolean>[] = [];
  for (let index = CHOSEN_DEVICES - 1; !signal.aborted && index > CHOSEN_DEVICES / 2; index--) {
    tries.push(logIn({ port, clientId: `chosen-${index}` }));
    await sleep(everyMs);
  }
  const right = (await Promise.all(tries)).filter((isIn) => isIn).length;
  return { tried: tries.length, right };
}
