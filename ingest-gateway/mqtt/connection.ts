import type { Duplex } from 'node:stream';
import type { Client } from 'aedes';
import { LIMITS } from '#contract/limits.ts';
import type { Pass } from '#ingest-gateway/devices/authentication.ts';
import { AcknowledgementQueue } from '#ingest-gateway/intake/acknowledgement-queue.ts';
import { AnswerWriter } from '#ingest-gateway/intake/answer-writer.ts';
import type { Device } from '#ingest-gateway/intake/device.ts';
import type { Arrival, Verdict } from '#ingest-gateway/mqtt/listeners/listener.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { internalsOf } from './aedes-internals.ts';
import type { Answers } from './answers.ts';
import type { ConnectJudgement } from './connect-policy.ts';
import { KeepaliveWatch } from './keepalive-watch.ts';
import { Mqtt3Answers } from './mqtt3-answers.ts';
import type { ReadGate } from './read-gate.ts';

/**
 * Pieces of input that are read and dropped at the end of a connection: over WebSocket each is a message, which costs more than
 * it takes to send one. A client at its Receive Maximum has fewer on the way.
 */
const DROPPED_PIECES = 2_000;

/** One connection of a client, from its accepted socket to its end. */
export class Connection {
  readonly stream: Duplex;
  readonly certificate: Arrival['certificate'];
  readonly address: string;
  readonly client: Client;
  readonly gate: ReadGate;
  readonly acknowledgements = new AcknowledgementQueue();
  readonly writer: AnswerWriter;
  readonly keepalive = new KeepaliveWatch();
  answers: Answers;
  /** Fires when the connection is gone: work for it is pointless. */
  readonly closed: AbortSignal;
  /** Set when its CONNECT was parsed. */
  connect: (ConnectJudgement & { readonly clientId: string }) | undefined;
  /** What it was let in by. */
  pass: Pass | undefined;
  /** Set when it is authenticated. */
  device: Device | undefined;
  /** How long a message may wait for the log, milliseconds. */
  ackDeadlineMs = 0;
  /** The same device connected again. */
  isReplaced = false;
  /** The one of the same device that it replaced, until what that left is worked on. */
  before: Connection | undefined;
  /** It is closed: what it left unread is worked on from now on. Set by its `Publishes`. */
  leave: () => void = () => undefined;
  /** It is gone, and the memory is needed that the rest of its input takes: that is not handled. */
  isRestGivenUp = false;
  /** The first reason for which we ended it. */
  refusal: RefusalReason | undefined;

  readonly #arrival: Arrival;

  /** @param endSession the device has no MQTT 5 session any more. */
  constructor(
    arrival: Arrival,
    client: Client,
    gate: ReadGate,
    closed: AbortSignal,
    endSession: (deviceId: string) => void,
  ) {
    this.#arrival = arrival;
    this.stream = arrival.stream;
    this.certificate = arrival.certificate;
    this.address = arrival.address;
    this.client = client;
    this.gate = gate;
    this.closed = closed;
    // Lets aedes count how long the client takes for its answers, and end it.
    this.writer = new AnswerWriter(this.stream, () => internalsOf(client).waitForDrain(() => undefined));
    const end = (error: Error): void => {
      if (!client.closed) client.emit('error', error);
    };
    this.answers = new Mqtt3Answers(this.writer, { end, endSession });
  }

  /** aedes closes the connection next; what the device has sent already is handled then (`Publishes`). */
  leaveTo(lastWords: Uint8Array): void {
    this.gate.hold();
    this.writer.flush();
    if (lastWords.length > 0 && this.stream.writable) this.stream.write(lastWords);
  }

  /**
   * Ends the connection so that what was written to it arrives: a socket that is destroyed with unread input sends RST,
   * upon which the device throws away the acknowledgements that it has not read yet. So the input is read and dropped
   * until the device ends its side, too; one that is slower than `LIMITS.shutdownLingerMs`, or goes on sending, is cut off. From
   * here on nothing is acknowledged any more.
   */
  end(lastWords: Uint8Array): void {
    this.keepalive.end();
    this.writer.flush();
    this.gate.discardInput();
    let pieces = 0;
    this.stream.on('data', () => {
      if (++pieces > DROPPED_PIECES) this.stream.destroy();
    });
    this.acknowledgements.discard();
    this.stream.end(lastWords);
    const cutOff = setTimeout(() => this.stream.destroy(), LIMITS.shutdownLingerMs);
    this.stream.once('close', () => clearTimeout(cutOff));
  }

  /** Its CONNECT was parsed. */
  greet(connect: NonNullable<Connection['connect']>): void {
    this.connect = connect;
    this.#arrival.greeted((tokens) => this.device?.bucket.take(tokens), connect.clientId);
  }

  /** Without one it has failed, when it ends. */
  judged(verdict: Verdict): void {
    this.#arrival.judged(verdict);
  }
}
