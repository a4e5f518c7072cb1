import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { internalsOf } from './aedes-internals.ts';
import type { Connection } from './connection.ts';
import { handlePublish, type PublishParts, type ReceivedPublish } from './handle-publish.ts';
import type { LeftInput } from './left-input.ts';
import { DISCONNECT, PUBLISH } from './packet-type.ts';
import type { UnreadRest } from './unread-rest.ts';

/** Refusals after which the rest of the input is no MQTT, or is not to be looked at. */
const UNREADABLE: ReadonlySet<RefusalReason> = new Set([
  'protocol-error',
  'packet-too-large',
  'internal-error',
  'too-many-connections',
]);

/** Of the first byte of a PUBLISH. */
const QOS_BITS = 0x06;

/**
 * The PUBLISHes of one connection on their way from the parser to the intake. aedes sees none of them: it would close for
 * topics that MQTT lets a server acknowledge and discard [MQTT-3.3.5-2], and what it does for subscribers, of whom there
 * are none, was a tenth of a message.
 *
 * Modes:
 * - *early*: from the CONNECT until it is completed. Messages that came with it are remembered.
 * - *open*: each is handled as it comes.
 * - *gone*: the connection is closed. A device that sleeps most of the time sends CONNECT, PUBLISH, DISCONNECT and FIN in
 *   one packet and is gone; its kernel answers our CONNACK with a reset. So what was remembered, and what lies in the
 *   stream's buffer behind it, is handled as if the client was still there, within the bounds of the device, and in its turn
 *   when many go at once (`LeftInput`); nobody is told. What cannot be handled (the client was not authenticated yet, or it is over its bounds) is counted, unless it
 *   would be sent again.
 *
 * At the *end of input* (FIN) aedes would close at once. We let it once the connection is open, and when every message
 * that was owed an answer has got it: the client may still be listening.
 */
export class Publishes {
  readonly #connection: Connection;
  readonly #parts: PublishParts;
  readonly #leftInput: LeftInput;
  #mode: 'early' | 'open' | 'gone' = 'early';
  #remembered: ReceivedPublish[] = [];
  #goodbye = false;
  #inputEnded = false;

  /** @param leftInput of all connections. */
  constructor(connection: Connection, parts: PublishParts, leftInput: LeftInput) {
    this.#connection = connection;
    this.#parts = parts;
    this.#leftInput = leftInput;
    const { stream, client } = connection;
    client.once('connected', () => this.#onConnected());
    stream.once('end', () => this.#onEndOfInput());
    connection.leave = () => this.#leave();
    stream.once('close', connection.leave);
  }

  /** One came, behind a CONNECT. */
  take(packet: ReceivedPublish): void {
    if (this.#goodbye) return;
    if (this.#isBehindTheEnd()) this.#drop(packet);
    else if (this.#mode === 'open') this.#handle(packet);
    else this.#remembered.push(packet);
  }

  /** A DISCONNECT came: what follows is not looked at. */
  disconnected(): void {
    this.#goodbye = true;
  }

  /** aedes closed the client for a packet of the same slice. */
  #isBehindTheEnd(): boolean {
    return this.#mode !== 'gone' && this.#connection.client.closed;
  }

  #onConnected(): void {
    // Closed in the meantime: aedes says "connected" all the same.
    if (this.#mode === 'gone' || this.#connection.client.closed) return;
    this.#finishBefore();
    this.#mode = 'open';
    for (const packet of this.#remembered.splice(0)) this.#handle(packet);
    if (this.#inputEnded) this.#closeWhenAnswered();
  }

  #onEndOfInput(): void {
    const { client, connect } = this.#connection;
    this.#inputEnded = true;
    if (connect === undefined) client.close();
    else if (this.#mode === 'open') this.#closeWhenAnswered();
  }

  #closeWhenAnswered(): void {
    const { acknowledgements, stream, client } = this.#connection;
    acknowledgements.whenEmpty(() =>
      // Answers are written at the end of the turn in which they were earned.
      setImmediate(() => {
        if (!stream.destroyed) stream.end(() => client.close());
      }),
    );
  }

  /** What earlier connections of the device have left comes first: in its log, too, nothing overtakes. */
  #finishBefore(): void {
    const { before, device } = this.#connection;
    this.#connection.before = undefined;
    // Its socket says "closed" in a later turn only.
    before?.client.close();
    before?.leave();
    if (device !== undefined) this.#leftInput.finish(device.id);
  }

  #leave(): void {
    if (this.#mode === 'gone') return;
    const { device, refusal, answers, gate, acknowledgements } = this.#connection;
    this.#mode = 'gone';
    acknowledgements.discard();
    this.#finishBefore();
    const early = [...this.#remembered.splice(0), ...answers.hungUp()];
    const rest = gate.rest();
    if (device === undefined && refusal !== undefined) {
      rest?.letGo();
      return;
    }
    for (const packet of early) this.#handleLate(packet, true);
    if (rest === undefined) return;
    this.#leftInput.add(device?.id ?? this.#connection, (packets) => {
      const isMore = this.#readRest(rest, packets);
      if (!isMore) rest.letGo();
      return isMore;
    });
  }

  /** A throw must not end the process: it ends the connection. */
  #handle(packet: ReceivedPublish): void {
    try {
      handlePublish(this.#parts, this.#connection, packet);
    } catch (error) {
      this.#parts.telemetry.hookFailed('publish', error);
      const { answers } = this.#connection;
      setImmediate(() => answers.answer(packet.qos, packet.messageId ?? 0, new Error('internal error')));
    }
  }

  #handleLate(packet: ReceivedPublish, isAllowed: boolean): void {
    const { device, refusal } = this.#connection;
    if (device !== undefined && refusal === undefined && isAllowed) this.#handle(packet);
    else this.#drop(packet);
  }

  #drop({ qos }: ReceivedPublish): void {
    if (qos === 0) this.#parts.telemetry.dropped('connection-ended');
  }

  /**
   * What nobody was given yet: a slice of it is parsed, and its messages are handled, as long as the device is within its
   * bounds. The rest is not worth parsing, up to 80 KiB of the smallest packets: its messages are only counted.
   *
   * @param packets in the slice at most
   * @returns whether there may be more
   */
  #readRest(rest: UnreadRest, packets: number): boolean {
    const { client } = this.#connection;
    if (!this.#isReadable()) {
      if (!this.#saidGoodbye) this.#count(rest);
      return false;
    }
    const isGreeted = this.#connection.connect !== undefined;
    if (isGreeted && rest.isBetweenPackets && !this.#isToBeHandled()) {
      this.#count(rest);
      return false;
    }
    // Before the CONNECT there is nothing to be handled but the CONNECT.
    const slice = rest.take(isGreeted ? packets : 1);
    if (slice === null) return false;
    internalsOf(client)._parser.parse(slice);
    for (const packet of this.#remembered.splice(0)) this.#handleLate(packet, this.#isWithinBounds());
    return isGreeted || this.#connection.connect !== undefined || !rest.isBetweenPackets;
  }

  /** Messages that nobody sends again, up to a DISCONNECT, by their first bytes. */
  #count(rest: UnreadRest): void {
    rest.passOver((first) => {
      if (first >> 4 === PUBLISH && (first & QOS_BITS) === 0)
        this.#parts.telemetry.dropped('connection-ended');
      return first >> 4 !== DISCONNECT;
    });
  }

  #isReadable(): boolean {
    const { client, refusal } = this.#connection;
    if (this.#saidGoodbye || internalsOf(client)._parser.error !== null) return false;
    return refusal === undefined || !UNREADABLE.has(refusal);
  }

  get #saidGoodbye(): boolean {
    return this.#goodbye || internalsOf(this.#connection.client)._disconnected;
  }

  #isToBeHandled(): boolean {
    const { refusal, isRestGivenUp } = this.#connection;
    return refusal === undefined && !isRestGivenUp && this.#isWithinBounds();
  }

  #isWithinBounds(): boolean {
    const { device } = this.#connection;
    if (device === undefined || device.budget.full || this.#parts.budget.full) return false;
    return device.bucket.waitMs(performance.now()) === 0;
  }
}
