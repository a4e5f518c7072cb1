import { createHistogram } from 'node:perf_hooks';
import { connect, type MqttClient } from 'mqtt';

export interface GoodFleetOptions {
  readonly port: number;
  readonly devices: number;
  /** Messages a second of each device. */
  readonly rate: number;
}

/** What the good devices saw since the last time they were asked. */
export interface Experience {
  /** Messages that were due, whether or not anybody took them. */
  readonly due: number;
  readonly acknowledged: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Connections that ended. */
  readonly disconnects: number;
}

/** A tick of the clock that decides which devices are due. */
const TICK_MS = 20;

/**
 * Devices that do nothing wrong, with the MQTT client that most of Node uses: each publishes a reading at its own
 * moment, waits for nothing, reconnects and resends as the client does by itself. What is due is due, so a gateway that
 * stops reading shows in what is acknowledged.
 */
export class GoodFleet {
  readonly #options: GoodFleetOptions;
  readonly #clients: MqttClient[];
  readonly #sequence: number[];
  #timer: NodeJS.Timeout | undefined;
  #latency = createHistogram();
  #due = 0;
  #acknowledged = 0;
  #disconnects = 0;
  #unacknowledged = 0;

  private constructor(options: GoodFleetOptions, clients: MqttClient[]) {
    this.#options = options;
    this.#clients = clients;
    this.#sequence = clients.map(() => 0);
    for (const client of clients) {
      client.on('close', () => this.#disconnects++);
      client.on('error', () => undefined);
    }
  }

  static async connect(options: GoodFleetOptions): Promise<GoodFleet> {
    const clients = Array.from({ length: options.devices }, (_, index) =>
      connect({ port: options.port, host: '127.0.0.1', clientId: `good-${index}`, reconnectPeriod: 200 }),
    );
    await Promise.all(clients.map((client) => new Promise((resolve) => client.once('connect', resolve))));
    return new GoodFleet(options, clients);
  }

  start(): void {
    const { devices, rate } = this.#options;
    const startedAt = performance.now();
    let started = 0;
    this.#timer = setInterval(() => {
      const dueInAll = Math.floor(((performance.now() - startedAt) / 1000) * rate * devices);
      for (; started < dueInAll; started++) this.#publish(started % devices);
    }, TICK_MS);
  }

  /** Since the last call. */
  experience(): Experience {
    const experience = {
      due: this.#due,
      acknowledged: this.#acknowledged,
      p50Ms: this.#latency.percentile(50) / 1e6,
      p99Ms: this.#latency.percentile(99) / 1e6,
      disconnects: this.#disconnects,
    };
    this.#latency = createHistogram();
    this.#due = this.#acknowledged = this.#disconnects = 0;
    return experience;
  }

  /** Publishes no more, and resolves to the messages still without PUBACK when all are in, or after `patienceMs`. */
  async finish(patienceMs: number): Promise<number> {
    clearInterval(this.#timer);
    const giveUpAt = performance.now() + patienceMs;
    while (this.#unacknowledged > 0 && performance.now() < giveUpAt)
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    for (const client of this.#clients) client.end(true);
    return this.#unacknowledged;
  }

  #publish(index: number): void {
    const seq = this.#sequence[index] as number;
    this.#sequence[index] = seq + 1;
    const payload = JSON.stringify({
      schema: 'environment/1',
      ts: Date.now(),
      seq,
      values: { temperature: 21.5, humidity: 40 },
    });
    const sentAt = performance.now();
    this.#due++;
    this.#unacknowledged++;
    this.#clients[index]?.publish(`devices/good-${index}/telemetry`, payload, { qos: 1 }, (error) => {
      if (error) return;
      this.#acknowledged++;
      this.#unacknowledged--;
      this.#latency.record(Math.max(1, Math.round((performance.now() - sentAt) * 1e6)));
    });
  }
}
