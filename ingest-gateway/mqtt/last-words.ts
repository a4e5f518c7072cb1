import type { PublishPacket } from 'aedes';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { internalsOf } from './aedes-internals.ts';
import type { Connection } from './connection.ts';
import { handlePublish, type PublishParts } from './publish-hook.ts';

/** Refusals after which the rest of the input is no MQTT, or is not to be looked at. */
const UNREADABLE: ReadonlySet<RefusalReason> = new Set([
  'protocol-error',
  'packet-too-large',
  'internal-error',
  'too-many-connections',
]);

const nobody = (): void => undefined;

/**
 * What a client said before its connection ended, and aedes would throw away. A device that sleeps most of the time
 * sends CONNECT, PUBLISH, DISCONNECT and FIN in one packet and is gone. Its kernel answers our CONNACK with a reset, by
 * which the connection is lost while its messages still wait in aedes for the CONNECT to be completed.
 *
 * Modes:
 * - *early*: from the start until aedes handled what came with the CONNECT. Messages are remembered.
 * - *open*: aedes has handled every message that the gate gave it.
 *
 * In both, a connection ends in one of two ways. *End of input* (FIN): aedes would close at once; we let it, once it is
 * open, and when every message that was owed an answer has got it: the client may still be listening. *Closed* (reset,
 * takeover, DISCONNECT): what was remembered, and what lies in the stream's buffer behind it, is handled as if the
 * client was still there, within the bounds of the device; nobody is told. What cannot be handled (the client was not
 * authenticated yet, or it is over its bounds) is counted, unless it would be sent again.
 */
export class LastWords {
  readonly #connection: Connection;
  readonly #parts: PublishParts;
  #early: PublishPacket[] | undefined = [];
  #inputEnded = false;

  constructor(connection: Connection, parts: PublishParts) {
    this.#connection = connection;
    this.#parts = parts;
    const { stream, client } = connection;
    const parser = internalsOf(client)._parser;
    const remember = (packet: { readonly cmd: string }): void => {
      if (packet.cmd === 'publish') this.#early?.push(packet as PublishPacket);
    };
    parser.on('packet', remember);
    // Comes after aedes handled what it had queued: its own listener is older.
    client.once('connected', () => {
      parser.off('packet', remember);
      // Closed in the meantime: aedes says "connected" all the same, and has forgotten its queue.
      if (client.closed) return;
      this.#early = undefined;
      if (this.#inputEnded) this.#closeWhenAnswered();
    });
    stream.once('end', () => this.#onEndOfInput());
    stream.once('close', () => this.#onClosed());
  }

  #onEndOfInput(): void {
    const { client, connect } = this.#connection;
    this.#inputEnded = true;
    if (connect === undefined) client.close();
    else if (this.#early === undefined) this.#closeWhenAnswered();
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

  #onClosed(): void {
    const { device, refusal, answers } = this.#connection;
    const early = [...(this.#early ?? []), ...answers.hungUp()];
    this.#early = undefined;
    if (device === undefined && refusal !== undefined) return;
    for (const packet of early) this.#handle(packet, true);
    for (const packet of this.#unread()) this.#handle(packet, this.#isWithinBounds());
  }

  #handle(packet: PublishPacket, isAllowed: boolean): void {
    const { device, refusal } = this.#connection;
    if (device !== undefined && refusal === undefined && isAllowed) {
      handlePublish(this.#parts, this.#connection, packet, nobody);
    } else if (packet.qos === 0) {
      this.#parts.telemetry.dropped('connection-ended');
    }
  }

  /** Messages that aedes was not given yet; none behind a DISCONNECT. */
  #unread(): PublishPacket[] {
    const { client, gate, refusal } = this.#connection;
    const { _disconnected, _parser } = internalsOf(client);
    const bytes = gate.takeRest();
    if (bytes === null || _disconnected || (refusal !== undefined && UNREADABLE.has(refusal))) return [];
    const packets: PublishPacket[] = [];
    let goodbye = false;
    // aedes took its listeners away when it closed the client.
    _parser.on('packet', (packet) => {
      if (packet.cmd === 'disconnect') goodbye = true;
      else if (packet.cmd === 'publish' && !goodbye) packets.push(packet as PublishPacket);
    });
    _parser.parse(bytes);
    return packets;
  }

  #isWithinBounds(): boolean {
    const { device } = this.#connection;
    if (device === undefined || device.budget.full || this.#parts.budget.full) return false;
    return device.bucket.waitMs(performance.now()) === 0;
  }
}
