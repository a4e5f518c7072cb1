import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type IPublishPacket, type Packet } from 'mqtt-packet';

/**
 * For tests: a client that sends exactly the packets and bytes it is told to, in as few or many writes, and does not
 * answer, resend or reconnect by itself as MQTT.js does.
 */
export class RawClient {
  readonly socket: Socket;
  readonly received: Packet[] = [];
  readonly #version: 4 | 5;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  #arrived = Promise.withResolvers<void>();

  constructor(socket: Socket, version: 4 | 5 = 4) {
    this.socket = socket;
    this.#version = version;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on('packet', (packet) => {
      this.received.push(packet);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
    socket.on('data', (bytes) => parser.parse(bytes));
    void this.closed.then(() => this.#arrived.resolve());
  }

  static async open(port: number, version: 4 | 5 = 4): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1' });
    await once(socket, 'connect');
    return new RawClient(socket, version);
  }

  /** Connects as a device; the CONNACK is taken. */
  static async device(
    port: number,
    clientId: string,
    changes: Partial<IConnectPacket> = {},
  ): Promise<RawClient> {
    const client = await RawClient.open(port, changes.protocolVersion === 5 ? 5 : 4);
    client.send(connectPacket(clientId, changes));
    const connack = await client.next();
    if (connack?.cmd !== 'connack' || (connack.returnCode ?? connack.reasonCode) !== 0) {
      throw new Error(`expected CONNACK 0, got ${JSON.stringify(connack)}`);
    }
    return client;
  }

  send(...packets: (Packet | Uint8Array)[]): void {
    this.socket.write(Buffer.concat(packets.map((packet) => bytesOf(packet, this.#version))));
  }

  /** The oldest packet not taken yet; `undefined` when the connection ended first. */
  async next(): Promise<Packet | undefined> {
    const [packet] = await this.take(1);
    return packet;
  }

  /** The next `count` packets, or fewer when the connection ended. */
  async take(count: number): Promise<Packet[]> {
    while (this.received.length < count && !this.socket.closed) await this.#arrived.promise;
    return this.received.splice(0, count);
  }
}

export function bytesOf(packet: Packet | Uint8Array, version: 4 | 5 = 4): Uint8Array {
  return packet instanceof Uint8Array ? packet : mqttPacket.generate(packet, { protocolVersion: version });
}

export function connectPacket(clientId: string, changes: Partial<IConnectPacket> = {}): IConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    keepalive: 60,
    clientId,
    ...changes,
  };
}

export function publishPacket(
  deviceId: string,
  payload: string | Buffer,
  messageId: number,
  changes: Partial<IPublishPacket> = {},
): IPublishPacket {
  const topic = `devices/${deviceId}/telemetry`;
  return { cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId, ...changes };
}
