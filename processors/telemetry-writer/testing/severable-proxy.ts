import { connect, createServer, type Server, type Socket } from 'node:net';
import { choosePorts } from '#runtime/choose-ports.ts';

/** A way to a server that can be cut: connections are refused, and those that exist end. */
export class SeverableProxy {
  readonly #target: URL;
  readonly #sockets = new Set<Socket>();
  #server: Server;
  readonly #port: number;

  private constructor(target: URL, server: Server) {
    this.#target = target;
    this.#server = server;
    this.#port = (server.address() as { port: number }).port;
    server.on('connection', (socket) => this.#join(socket));
  }

  static async to(target: URL): Promise<SeverableProxy> {
    return new SeverableProxy(target, await listening((await choosePorts([undefined]))[0] as number));
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async restore(): Promise<void> {
    this.#server = await listening(this.#port);
    this.#server.on('connection', (socket) => this.#join(socket));
  }

  async close(): Promise<void> {
    await this.cut();
  }

  #join(socket: Socket): void {
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  }
}

function listening(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}
