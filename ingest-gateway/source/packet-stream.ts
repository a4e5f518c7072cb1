import type { Duplex } from 'node:stream';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { AnswerWriter } from '#ingest-gateway/intake/answer-writer.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import { describeError } from '#runtime/errors.ts';
import { PacketDecoder } from './packet-decoder.ts';
import { type Frame, PacketFrames } from './packet-frames.ts';
import type { SourceEndReason } from './telemetry.ts';

export interface PacketStreamOptions {
  readonly protocolVersion: 4 | 5;
  /** Larger packets are cut. */
  readonly packetBytes: number;
  /** While one of them is full, or the broker does not take its answers, nothing is read. */
  readonly budgets: readonly InflightBudget[];
}

export interface PacketStreamEvents {
  /** In the order of arrival. What it throws is against the rules. */
  readonly packet: (packet: Packet, frame: Frame) => void;
  /** Nothing more comes. May be called again. */
  readonly ended: (reason: SourceEndReason, detail: string) => void;
}

/**
 * Packets from and to a broker, over any stream.
 *
 * Three modes. *Reading*; *paused*: a budget is full, or answers pile up before the broker, the socket is not read, and
 * what was read of it by then waits in `#frames` (one read of the socket at most), until the budget opens or the broker takes
 * its answers; *deaf*, for good (`hush`, `destroy`): what comes is thrown away.
 */
export class PacketStream {
  readonly #stream: Duplex;
  readonly #options: PacketStreamOptions;
  readonly #events: PacketStreamEvents;
  readonly #frames: PacketFrames;
  readonly #decoder: PacketDecoder;
  readonly answers: AnswerWriter;
  #heardAt = performance.now();
  #paused: 'by-us' | 'by-broker' | undefined;
  #deaf = false;

  constructor(stream: Duplex, options: PacketStreamOptions, events: PacketStreamEvents) {
    this.#stream = stream;
    this.#options = options;
    this.#events = events;
    this.#frames = new PacketFrames(options.packetBytes);
    this.#decoder = new PacketDecoder(options.protocolVersion);
    // Told by `writableNeedDrain`.
    this.answers = new AnswerWriter(stream, () => undefined);
    stream.on('error', (error) => events.ended('closed', describeError(error)));
    stream.once('close', () => events.ended('closed', 'the broker closed the connection'));
    stream.on('data', (chunk: Buffer) => {
      if (this.#deaf) return;
      this.#heardAt = performance.now();
      this.#frames.push(chunk);
      this.#work();
    });
  }

  get paused(): boolean {
    return this.#paused !== undefined;
  }

  /** For how long nothing came, although we listened, or wait for the broker to take its answers; milliseconds. */
  get silentMs(): number {
    return this.#paused === 'by-us' ? 0 : performance.now() - this.#heardAt;
  }

  send(packet: Packet): void {
    const { protocolVersion } = this.#options;
    this.answers.write(mqttPacket.generate(packet, { protocolVersion }));
  }

  /** Handles nothing more. */
  hush(): void {
    this.#deaf = true;
    for (const budget of this.#options.budgets) budget.forget(this.#waiter);
  }

  /** Nothing more to say: waits for the other side to say the same. */
  finish(): void {
    this.#stream.end();
    this.#stream.resume();
  }

  destroy(): void {
    this.hush();
    this.#stream.destroy();
  }

  /** Handles what was read, as far as there is room for it. */
  readonly #work = (): void => {
    try {
      while (!this.#deaf) {
        if (this.#mustWait()) return;
        const frame = this.#frames.next();
        if (frame === undefined) break;
        this.#events.packet(this.#decoder.decode(frame), frame);
      }
    } catch (error) {
      this.#events.ended('protocol-error', describeError(error));
    }
    if (this.#paused === undefined || this.#deaf) return;
    this.#paused = undefined;
    this.#heardAt = performance.now();
    this.#stream.resume();
  };

  readonly #waiter = { resume: this.#work };

  #mustWait(): boolean {
    const full = this.#options.budgets.find((budget) => budget.full);
    if (full !== undefined) {
      full.wait(this.#waiter);
      this.#paused = 'by-us';
    } else if (this.#stream.writableNeedDrain) {
      this.#stream.off('drain', this.#work).once('drain', this.#work);
      // It has sent something, or taken something, or it was us who waited.
      this.#heardAt = performance.now();
      this.#paused = 'by-broker';
    } else return false;
    this.#stream.pause();
    return true;
  }
}
