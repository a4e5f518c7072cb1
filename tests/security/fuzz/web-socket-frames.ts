import { randomBytes } from 'node:crypto';
import type { RandomStream } from '#simulator/random-stream.ts';
import type { FuzzSource } from './fuzz-source.ts';
import { MQTT3_PACKETS } from './mqtt3-packets.ts';
import { mutate } from './mutate.ts';

const OPCODES: readonly [number, ...number[]] = [0, 1, 2, 2, 2, 2, 3, 8, 8, 8, 8, 9, 10, 15];

/** A frame of a client (RFC 6455, 5.2), most of them right. */
function frame(payload: Buffer, random: RandomStream): Buffer {
  const opcode = random.chance(0.97) ? 2 : random.pick(OPCODES);
  const final = random.chance(0.98) ? 0x80 : 0;
  const masked = random.chance(0.99) ? 0x80 : 0;
  const { length } = payload;
  const head = length < 126 ? [masked | length] : [masked | 126, (length >> 8) & 0xff, length & 0xff];
  const bytes = Buffer.concat([Buffer.from([final | opcode, ...head, 0, 0, 0, 0]), payload]);
  return random.chance(0.99) ? bytes : mutate(bytes, random);
}

function upgradeRequest(random: RandomStream): Buffer {
  const request = Buffer.from(
    [
      'GET /mqtt HTTP/1.1',
      'Host: localhost',
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Protocol: mqtt',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      '',
      '',
    ].join('\r\n'),
  );
  return random.chance(0.95) ? request : mutate(request, random);
}

export const WEB_SOCKET_FRAMES: FuzzSource = {
  name: 'web-socket-frames',
  port: ({ webSocketPort }) => webSocketPort,
  *connection(random) {
    yield upgradeRequest(random);
    for (const packet of MQTT3_PACKETS.connection(random)) {
      // Frames need not end where packets do.
      const cut = random.chance(0.2) ? random.below(packet.length + 1) : packet.length;
      yield frame(packet.subarray(0, Math.min(cut, 65_535)), random);
      if (cut < packet.length) yield frame(packet.subarray(cut, cut + 65_535), random);
    }
  },
};
