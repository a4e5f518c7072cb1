import { once } from 'node:events';
import { createServer, type Server } from 'node:http';

interface Notification {
  readonly alert: string;
  readonly status: 'firing' | 'resolved';
}

/** Stands for the pager: remembers what Alertmanager told it, in order. */
export class WebhookReceiver implements AsyncDisposable {
  readonly #server: Server;
  readonly #heard: Notification[] = [];

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<WebhookReceiver> {
    const server = createServer();
    const receiver = new WebhookReceiver(server);
    server.on('request', async (request, response) => {
      const body = (await request.toArray()).join('');
      for (const { status, labels } of JSON.parse(body).alerts) {
        receiver.#heard.push({ alert: labels.alertname, status });
      }
      response.end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return receiver;
  }

  get url(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/alerts`;
  }

  /** Everything heard so far is of the past. */
  forget(): void {
    this.#heard.length = 0;
  }

  /** Names of the alerts that were said to have this status, sorted, each once. */
  heard(status: Notification['status']): readonly string[] {
    return [
      ...new Set(this.#heard.filter((each) => each.status === status).map(({ alert }) => alert)),
    ].sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), 'close');
  }
}
