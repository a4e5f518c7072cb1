import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { RecordableHistogram } from 'node:perf_hooks';
import { generate } from 'mqtt-packet';
import { type EncodedPublishes, packetIdOf } from './encode-publishes.ts';

export interface FloodDeviceOptions {
  readonly port: number;
  readonly deviceId: string;
  readonly publishes: EncodedPublishes;
  /** Of MQTT; 4 is what 3.1.1 calls itself. */
  readonly protocolVersion: 4 | 5;
  /** Messages that may be unacknowledged. */
  readonly window: number;
  /** Told the nanoseconds from each PUBLISH to its PUBACK. */
  readonly ackNanoseconds: RecordableHistogram;
}

/** A PUBACK that says success takes four bytes, in MQTT 5 as well [MQTT5 3.4.2.1]; but for CONNACK it is all that a device is sent here. */
const ANSWER_BYTES = 4;
const CONNACK = 0x20;
const PUBACK = 0x40;

/**
 * One device at the least cost: its packets lie ready and are handed to the socket as slices of one buffer, answers are
 * looked at where they lie. Every PUBACK must name the message that is next in line [MQTT-4.6.0-2]; anything else, and
 * a connection that ends, is the end of the measurement.
 *
 * States: *connecting* → *waiting* (`connect` resolved) → *publishing* (from the first `allow`) → *done*.
 */
export class FloodDevice {
  readonly done: Promise<void>;
  readonly #options: FloodDeviceOptions;
  readonly #count: number;
  readonly #sentAt: Float64Array;
  readonly #end = Promise.withResolvers<void>();
  #socket: Socket | undefined;
  /** The part of an answer that came without its rest. */
  #rest: Buffer = Buffer.alloc(0);
  #allowed = 0;
  #sent = 0;
  #acked = 0;

  constructor(options: FloodDeviceOptions) {
    this.#options = options;
    this.#count = options.publishes.ends.length;
    this.#sentAt = new Float64Array(this.#count);
    this.done = this.#end.promise;
    // A failure before anybody awaits it is still told to whoever does later.
    this.done.catch(() => undefined);
  }

  /** Resolves when the broker accepted the connection. */
  async connect(): Promise<void> {
    const { port, deviceId: clientId, protocolVersion } = this.#options;
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    await once(socket, 'connect');
    socket.write(generate({ cmd: 'connect', protocolVersion, clientId, keepalive: 60, clean: true }));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    if (answer[0] !== CONNACK || answer[3] !== 0 || answer.length !== 2 + (answer[1] ?? 0)) {
      throw new Error(`${clientId} was refused: ${answer.toString('hex')}`);
    }
    socket.on('data', (chunk) => this.#onAnswers(chunk));
    socket.on('error', (error) => this.#end.reject(error));
    socket.on('close', () => this.#end.reject(new Error(`${clientId}: the connection ended`)));
  }

  /** So many messages in all may be sent by now. */
  allow(messages: number): void {
    this.#allowed = Math.min(messages, this.#count);
    this.#publish();
  }

  disconnect(): void {
    this.#socket?.destroy();
  }

  #publish(): void {
    const { publishes, window } = this.#options;
    const from = this.#sent;
    const to = Math.min(this.#acked + window, this.#allowed);
    if (to <= from) return;
    const now = performance.now();
    this.#sentAt.fill(now, from, to);
    this.#sent = to;
    const { bytes, ends } = publishes;
    this.#socket?.write(bytes.subarray(from === 0 ? 0 : ends[from - 1], ends[to - 1]));
  }

  #onAnswers(chunk: Buffer): void {
    const answers = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    const now = performance.now();
    const whole = answers.length - (answers.length % ANSWER_BYTES);
    for (let at = 0; at < whole; at += ANSWER_BYTES) {
      const expected = packetIdOf(this.#acked);
      if (answers[at] !== PUBACK || answers.readUInt16BE(at + 2) !== expected || this.#acked >= this.#sent) {
        const found = answers.subarray(at, at + ANSWER_BYTES).toString('hex');
        this.#end.reject(
          new Error(`${this.#options.deviceId}: expected PUBACK of ${expected}, found ${found}`),
        );
        return;
      }
      const milliseconds = now - (this.#sentAt[this.#acked] as number);
      this.#options.ackNanoseconds.record(Math.max(1, Math.round(milliseconds * 1e6)));
      this.#acked++;
    }
    this.#rest = answers.subarray(whole);
    if (this.#acked === this.#count) this.#end.resolve();
    // A window that is half empty is filled with one write.
    else if ((this.#sent - this.#acked) * 2 <= this.#options.window) this.#publish();
  }
}
