import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import mqttPacket, { type IConnectPacket, type Packet } from 'mqtt-packet';

/** One connection of a source, as the broker sees it. */
export class SourceOnBroker {
  readonly socket: Socket;
  readonly received: Packet[] = [];
  readonly closed: Promise<void>;
  #version: 4 | 5 = 4;
  #arrived = Promise.withResolvers<void>();

  constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('error', () => undefined);
    const parser = mqttPacket.parser();
    parser.on('packet', (packet) => {
      if (packet.cmd === 'connect') this.#version = packet.protocolVersion === 5 ? 5 : 4;
      this.received.push(packet);
      this.#arrived.resolve();
      this.#arrived = Promise.withResolvers();
    });
    socket.on('data', (bytes) => parser.parse(bytes));
    void this.closed.then(() => this.#arrived.resolve());
  }

  send(...packets: (Packet | Uint8Array)[]): void {
    for (const packet of packets)
      this.socket.write(
        packet instanceof Uint8Array
          ? packet
          : mqttPacket.generate(packet, { protocolVersion: this.#version }),
      );
  }

  /** The oldest packet that is not taken yet, or `undefined` when the connection ended first. */
  async next(): Promise<Packet | undefined> {
    while (this.received.length === 0 && !this.socket.closed) await this.#arrived.promise;
    return this.received.shift();
  }

  /** CONNECT and CONNACK, SUBSCRIBE and SUBACK. */
  async letIn({ sessionPresent = false, granted = 1 } = {}): Promise<IConnectPacket> {
    const connect = await this.expect('connect');
    const code = this.#version === 5 ? { reasonCode: 0 } : { returnCode: 0 };
    this.send({ cmd: 'connack', sessionPresent, ...code });
    if (!sessionPresent) await this.answerSubscribe(granted);
    return connect as IConnectPacket;
  }

  async answerSubscribe(granted = 1): Promise<readonly string[]> {
    const subscribe = await this.expect('subscribe');
    if (subscribe.cmd !== 'subscribe') throw new Error('unreachable');
    const { messageId, subscriptions } = subscribe;
    this.send({ cmd: 'suback', messageId: messageId as number, granted: subscriptions.map(() => granted) });
    return subscriptions.map(({ topic }) => topic);
  }

  async expect(cmd: Packet['cmd']): Promise<Packet> {
    const packet = await this.next();
    if (packet?.cmd !== cmd) throw new Error(`expected ${cmd}, got ${JSON.stringify(packet)}`);
    return packet;
  }
}

/** For tests: a broker that says exactly what it is told to. */
export class ScriptedBroker implements AsyncDisposable {
  readonly #server = createServer((socket) => {
    this.#connections.push(new SourceOnBroker(socket));
    this.#arrived.resolve();
    this.#arrived = Promise.withResolvers();
  });
  readonly #all: Socket[] = [];
  readonly #connections: SourceOnBroker[] = [];
  #arrived = Promise.withResolvers<void>();

  static async start(port = 0): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker();
    broker.#server.on('connection', (socket) => broker.#all.push(socket));
    broker.#server.listen(port, '127.0.0.1');
    await once(broker.#server, 'listening');
    return broker;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`;
  }

  /** The next connection that is not taken yet. */
  async accept(): Promise<SourceOnBroker> {
    while (this.#connections.length === 0) await this.#arrived.promise;
    return this.#connections.shift() as SourceOnBroker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#all) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }
}
