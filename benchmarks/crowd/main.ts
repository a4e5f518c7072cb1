import { once } from 'node:events';
import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { generate } from 'mqtt-packet';

/** Of connections that are being opened at a time. */
const AT_ONCE = 50;
const KEEPALIVE_SECONDS = 240;
const ACCEPTED = '20020000';

// Devices that connect and then say nothing: main.ts PORT DEVICES [tls]. Prints "ready", ends with its input.
const [port = 0, devices = 0] = process.argv.slice(2, 4).map(Number);
const secure = process.argv[4] === 'tls';
let next = 0;
await Promise.all(Array.from({ length: AT_ONCE }, connectSome));
process.stdout.write('ready\n');
process.stdin.resume();
await once(process.stdin, 'end');
process.exit(0);

async function connectSome(): Promise<void> {
  while (next < devices) await connectOne(`crowd-${++next}`);
}

async function connectOne(clientId: string): Promise<void> {
  const address = { port, host: '127.0.0.1' };
  // The authority was made for this run, by the process that started this one.
  const socket: Socket = secure
    ? connectTls({ ...address, rejectUnauthorized: false })
    : connectPlain(address);
  socket.on('error', (error) => {
    process.stderr.write(`${clientId}: ${error.message}\n`);
    process.exit(1);
  });
  await once(socket, secure ? 'secureConnect' : 'connect');
  socket.write(
    generate({ cmd: 'connect', protocolVersion: 4, clientId, keepalive: KEEPALIVE_SECONDS, clean: true }),
  );
  const [answer] = (await once(socket, 'data')) as [Buffer];
  if (answer.toString('hex') !== ACCEPTED)
    throw new Error(`${clientId} was refused: ${answer.toString('hex')}`);
}
