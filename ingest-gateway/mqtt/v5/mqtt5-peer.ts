import type { Duplex } from 'node:stream';
import { MQTT5_ANSWERS, type Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';
import type { MessageVerdict } from '#contract/mqtt5-message-answers.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { beginningOf } from '#runtime/own-text.ts';
import { answerToRefusal, textToRefusal } from './answer-to-refusal.ts';
import { connackProperties } from './connack-properties.ts';
import { Conversation, type ConversationParts } from './conversation.ts';
import type { ClientPacket, ConnectPacket, PublishPacket } from './decode-packet.ts';
import { encodeConnack, encodeDisconnect } from './encode-packet.ts';
import { ANSWER_TO_FAULT, type PacketFault } from './packet-reader.ts';
import { replaceConnack } from './replace-connack.ts';
import type { SessionMemory } from './session-memory.ts';

export interface Mqtt5Options {
  /** Of the device, once it is known. */
  readonly receiveMaximum: () => number;
  readonly packetBytes: number;
}

/** The connection of the peer, and who decides about what it sends. */
export interface Mqtt5Surroundings extends ConversationParts {
  readonly stream: Duplex;
  readonly sessions: SessionMemory;
  /** Goes on as with a CONNECT of MQTT 3.1.1. */
  connect(packet: ConnectPacket): void;
  /** Counts a packet, and charges for what it costs: a PUBREL later, when it is known what it belongs to. */
  arrived(packet: ClientPacket, length: number): void;
  /** A packet that is found when the connection is gone. */
  left(packet: ClientPacket): void;
  /** Counts why the connection ends. @returns the first reason, which is the one that counts */
  refused(reason: RefusalReason, detail: string): RefusalReason;
  failed(error: unknown): void;
  /** Nothing more is read and no message acknowledged; the last words arrive before the stream is closed. */
  end(lastWords: Uint8Array): void;
}

const NOTHING = Buffer.alloc(0);

/**
 * One client that speaks MQTT 5. aedes, which does not, sees a client of MQTT 3.1.1 that connects and then says nothing:
 * every later packet is dealt with here, and every answer to the client is written here.
 *
 * Modes:
 * - *new* (from the first bytes of its CONNECT)
 * - *greeting* (from the whole CONNECT on, while the hooks decide): packets that came together with it wait.
 * - *accepted* (it is let in, and CONNACK 0 leaves with this turn): they still wait, but it is told everything as one that is in.
 * - *open* (aedes is done with its CONNECT, `opened`).
 * - *ended*: it was told why, in CONNACK or DISCONNECT, or said DISCONNECT itself, or the stream is gone. What is in
 *   flight gets no acknowledgement.
 *
 * The session is kept as soon as *accepted* or *open* is left, and not when the stream is closed: the client may be back by
 * then, and is to be told that its session is present.
 */
export class Mqtt5Peer {
  readonly version = '5';
  readonly #options: Mqtt5Options;
  readonly #parts: Mqtt5Surroundings;
  #mode: 'new' | 'greeting' | 'accepted' | 'open' | 'ended' = 'new';
  #isGone = false;
  #connect: ConnectPacket | undefined;
  #sessionExpirySeconds = 0;
  /** Seconds: what it gets. */
  #keepalive = 0;
  #early: ClientPacket[] = [];
  /** Set when it is let in. */
  #deviceId = '';
  #conversation: Conversation | undefined;

  constructor(options: Mqtt5Options, parts: Mqtt5Surroundings) {
    this.#options = options;
    this.#parts = parts;
  }

  /** A packet came. */
  take(packet: ClientPacket, length: number): void {
    if (this.#isGone) this.#parts.left(this.#addressed(packet));
    else {
      // A CONNECT is counted where aedes sees it.
      if (packet.cmd !== 'connect') this.#parts.arrived(packet, length);
      this.#take(packet);
    }
  }

  #take(packet: ClientPacket): void {
    if (this.#mode === 'open') this.#handle(packet);
    else if (this.#mode === 'greeting' || this.#mode === 'accepted') this.#early.push(packet);
    else if (this.#mode === 'new' && packet.cmd === 'connect') this.#greet(packet);
  }

  /** What came is no packet, or not for now, or too large. */
  fault({ kind, why }: PacketFault): void {
    if (this.#mode === 'ended') return;
    const isIn = this.#isIn;
    const own = kind === 'too-many-filters' ? kind : 'protocol-error';
    const reason = this.#parts.refused(own, why);
    const name = ANSWER_TO_FAULT[kind][isIn ? 'connected' : 'connect'];
    this.#end(reason === own ? name : answerToRefusal(reason, isIn), why);
  }

  refuseVersion(version: number): void {
    this.refuse('protocol-version', `protocol version ${version}`);
  }

  /** The CONNECT was changed to what the client can have. */
  connecting(packet: { readonly keepalive?: number | undefined }): void {
    this.#keepalive = packet.keepalive ?? 0;
  }

  /** The client is the device that it says it is, and aedes is about to write CONNACK 0. */
  accepted(deviceId: string): void {
    const connect = this.#connect;
    const { stream, sessions } = this.#parts;
    if (connect === undefined || this.#mode !== 'greeting') return;
    const session = sessions.take(deviceId);
    const unreleased = connect.clean ? undefined : session;
    this.#deviceId = deviceId;
    this.#conversation = new Conversation(
      {
        receiveMaximum: this.#options.receiveMaximum(),
        maxBytes: this.#maxBytes,
        wantsReasons: connect.properties.requestProblemInformation !== 0,
        unreleased: unreleased ?? [],
      },
      this.#parts,
    );
    this.#mode = 'accepted';
    const isAsAsked = this.#keepalive === connect.keepalive;
    const serverKeepAlive = isAsAsked ? undefined : Math.max(1, Math.floor(this.#keepalive));
    replaceConnack(stream, this.#connack(unreleased !== undefined, serverKeepAlive));
  }

  /** aedes is done with the CONNECT. */
  opened(): void {
    if (this.#mode !== 'accepted') return;
    this.#mode = 'open';
    for (const packet of this.#early.splice(0)) this.#take(packet);
  }

  /** What became of a message, in the order of the PUBLISHes. */
  acknowledge(
    qos: 1 | 2,
    messageId: number,
    outcome: 'accepted' | 'discarded',
    verdict: MessageVerdict | undefined,
  ): void {
    if (this.#mode === 'open') this.#conversation?.acknowledge(qos, messageId, outcome, verdict);
  }

  /** Counts the reason, tells it, and ends the connection. */
  refuse(reason: RefusalReason, detail: string): void {
    if (this.#mode === 'ended') return;
    const isIn = this.#isIn;
    this.#end(answerToRefusal(this.#parts.refused(reason, detail), isIn), textToRefusal(reason, detail));
  }

  /** @returns how it is told why; from here on it is told nothing more */
  farewell(name: Mqtt5AnswerName, why?: string): Uint8Array {
    if (this.#mode === 'ended') return NOTHING;
    const isIn = this.#isIn;
    this.#leave();
    const { packet, code } = MQTT5_ANSWERS[name];
    if (isIn) return encodeDisconnect(code, why, this.#maxBytes);
    const connack = encodeConnack(packet === 'CONNACK' ? code : MQTT5_ANSWERS.unavailable.code, false);
    return connack.length <= this.#maxBytes ? connack : NOTHING;
  }

  /** The stream is gone. @returns messages that waited for CONNACK; what is still parsed goes to `left` */
  hungUp(): readonly PublishPacket[] {
    const goodbye = this.#early.findIndex(({ cmd }) => cmd === 'disconnect');
    const early = goodbye < 0 ? this.#early : this.#early.slice(0, goodbye);
    this.#leave();
    this.#isGone = true;
    return early.map((packet) => this.#addressed(packet)).filter((packet) => packet.cmd === 'publish');
  }

  /** With its topic in the place of an alias. */
  #addressed(packet: ClientPacket): ClientPacket {
    if (packet.cmd !== 'publish') return packet;
    const topic = this.#conversation?.topicOf(packet);
    return { ...packet, topic: typeof topic === 'string' ? topic : '' };
  }

  /** Tells why, and ends the connection so that it arrives. */
  #end(name: Mqtt5AnswerName, why?: string): void {
    if (this.#mode !== 'ended') this.#parts.end(this.farewell(name, why));
  }

  /** From CONNACK 0 to the end. */
  get #isIn(): boolean {
    return this.#mode === 'accepted' || this.#mode === 'open';
  }

  get #maxBytes(): number {
    return this.#connect?.properties.maximumPacketSize ?? Number.POSITIVE_INFINITY;
  }

  #greet(packet: ConnectPacket): void {
    const { sessionExpiryInterval = 0, authenticationMethod } = packet.properties;
    this.#mode = 'greeting';
    this.#connect = packet;
    this.#sessionExpirySeconds = this.#parts.sessions.expirySeconds(sessionExpiryInterval);
    if (authenticationMethod !== undefined) {
      // First: a CONNACK that refuses has room where the one that lets in has not.
      this.#parts.refused('authentication-method', beginningOf(authenticationMethod, 64));
      this.#end('authenticationMethodUnknown');
    } else if (this.#connack(false, 1).length > this.#maxBytes) {
      // Measured with all that it may have to say: its keepalive is not known yet.
      this.#parts.refused('packet-too-large', 'the client takes no packet as large as CONNACK');
      this.#end('connectTooLarge');
    } else this.#parts.connect(packet);
  }

  /** @param serverKeepAlive `undefined` = the one that the client asked for */
  #connack(sessionPresent: boolean, serverKeepAlive: number | undefined): Buffer {
    const { packetBytes } = this.#options;
    const receiveMaximum = this.#options.receiveMaximum();
    const sessionExpirySeconds = this.#sessionExpirySeconds;
    return encodeConnack(
      MQTT5_ANSWERS.connected.code,
      sessionPresent,
      connackProperties({ receiveMaximum, packetBytes, sessionExpirySeconds, serverKeepAlive }),
    );
  }

  #handle(packet: ClientPacket): void {
    try {
      const fault =
        packet.cmd === 'disconnect'
          ? this.#goodbye(packet.sessionExpiryInterval)
          : this.#conversation?.handle(packet);
      if (fault !== undefined) this.fault(fault);
    } catch (error) {
      this.#parts.failed(error);
      this.refuse('internal-error', String(error));
    }
  }

  #goodbye(sessionExpiryInterval: number = this.#sessionExpirySeconds): PacketFault | undefined {
    // [MQTT-3.14.2-2]
    if (this.#sessionExpirySeconds === 0 && sessionExpiryInterval > 0) {
      return { kind: 'against-rules', why: 'a session expiry in DISCONNECT, and none in CONNECT' };
    }
    this.#sessionExpirySeconds = sessionExpiryInterval;
    this.#leave();
    this.#parts.end(NOTHING);
    return undefined;
  }

  #leave(): void {
    if (this.#isIn && this.#conversation !== undefined) {
      this.#parts.sessions.keep(this.#deviceId, this.#sessionExpirySeconds, this.#conversation.unreleased());
    }
    this.#mode = 'ended';
    this.#early = [];
  }
}
