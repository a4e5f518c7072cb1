import type { Duplex } from 'node:stream';
import type { IConnackPacket, IDisconnectPacket, IPublishPacket, ISubackPacket, Packet } from 'mqtt-packet';
import {
  AcknowledgementQueue,
  type MessageOutcome,
  type Sender,
} from '#ingest-gateway/intake/acknowledgement-queue.ts';
import type { Device } from '#ingest-gateway/intake/device.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import type { MessageIntake } from '#ingest-gateway/intake/message-intake.ts';
import type { SourceSettings } from '#runtime/settings.ts';
import { SESSION_TAKEN_OVER, wordsOf } from './broker-words.ts';
import { Keepalive } from './keepalive.ts';
import { connectPacket, NEVER_EXPIRES, packetIdAfter, subscribePacket, traceOf } from './our-packets.ts';
import type { Frame } from './packet-frames.ts';
import { PacketStream } from './packet-stream.ts';
import type { SourceEndReason, SourceTelemetry } from './telemetry.ts';

/** Who we are at the broker, and how long things may take there. */
export type BrokerLogin = Pick<SourceSettings, 'clientId' | 'username' | 'password' | 'version'> & {
  readonly keepaliveSeconds: number;
  /** Until CONNACK, and until each SUBACK, milliseconds; … */
  readonly connectMs: number;
  /** … and until a message is durable. */
  readonly ackDeadlineMs: number;
  /** Larger packets are cut. */
  readonly packetBytes: number;
};

export interface BrokerConnectionParts {
  readonly intake: MessageIntake;
  /** Whose budget the messages take, and whose word they are. */
  readonly client: Device;
  /** Of the whole process. */
  readonly budget: InflightBudget;
  readonly telemetry: SourceTelemetry;
}

/** How a connection ended. */
export interface ConnectionEnd {
  readonly reason: SourceEndReason;
  readonly detail: string;
}

/** What the broker says of our session. */
export interface Greeting {
  /** It kept one. */
  readonly sessionPresent: boolean;
  /** While we are away; `NEVER_EXPIRES`, unless the broker says less. */
  readonly expiresAfterSeconds: number;
}

/** Filters of one SUBSCRIBE: some brokers take no more (AWS IoT Core: 8). */
const FILTERS_PER_PACKET = 8;
const REFUSED_FROM = 0x80;

/**
 * One MQTT connection to a broker, on which we are the client.
 *
 * Modes: *greeting* (CONNECT is sent) → *open* (CONNACK came; messages of a session that the broker kept come before
 * anything is subscribed to). Either ends in *ended*, for one reason, which `ended` resolves with; or first in *draining*
 * (`stop`): nothing more is handled, what is in hand becomes durable and is acknowledged, DISCONNECT.
 *
 * A message is acknowledged on the connection that it came on, when it is durable, in the order in which they came.
 */
export class BrokerConnection implements Sender {
  readonly #login: BrokerLogin;
  readonly #parts: BrokerConnectionParts;
  readonly #packets: PacketStream;
  readonly #acknowledgements = new AcknowledgementQueue();
  readonly #connack = Promise.withResolvers<IConnackPacket>();
  readonly #ended = Promise.withResolvers<ConnectionEnd>();
  /** While an answer is awaited, without which nothing goes on. */
  #tooLate: NodeJS.Timeout;
  readonly #keepalive: Keepalive;
  #lastId = 0;
  /** SUBSCRIBEs, by packet id. */
  readonly #subscribing = new Map<number, (answer: ISubackPacket) => void>();
  #isOver = false;
  #draining = false;

  constructor(stream: Duplex, login: BrokerLogin, parts: BrokerConnectionParts) {
    this.#login = login;
    this.#parts = parts;
    this.#packets = new PacketStream(
      stream,
      {
        protocolVersion: login.version === '5' ? 5 : 4,
        packetBytes: login.packetBytes,
        budgets: [parts.client.budget, parts.budget],
      },
      {
        packet: (packet, frame) => this.#handle(packet, frame),
        ended: (reason, detail) => this.#end(reason, detail),
      },
    );
    this.#tooLate = this.#giveUpWithout('CONNACK');
    this.#keepalive = new Keepalive(login.keepaliveSeconds, {
      silentMs: () => this.#packets.silentMs,
      ping: () => this.#packets.send({ cmd: 'pingreq' }),
      silent: (forMs) => this.#end('silent', `no packet for ${Math.round(forMs / 1000)} s`),
    });
    this.#packets.send(connectPacket(login, login.keepaliveSeconds));
  }

  get paused(): boolean {
    return this.#packets.paused;
  }

  /** Never rejects. */
  get ended(): Promise<ConnectionEnd> {
    return this.#ended.promise;
  }

  /**
   * CONNACK.
   *
   * @throws Error when the connection ends before; so does `subscribe`.
   */
  async greeting(): Promise<Greeting> {
    const { sessionPresent, properties } = await this.#unlessEnded(this.#connack.promise);
    return { sessionPresent, expiresAfterSeconds: properties?.sessionExpiryInterval ?? NEVER_EXPIRES };
  }

  /** @returns what is not granted with QoS 1, by filter, in the broker's words. */
  async subscribe(filters: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { version } = this.#login;
    const refused = new Map<string, string>();
    for (let from = 0; from < filters.length; from += FILTERS_PER_PACKET) {
      const some = filters.slice(from, from + FILTERS_PER_PACKET);
      const granted = await this.#ask(some);
      for (const [at, filter] of some.entries()) {
        const code = granted[at] as number | undefined;
        if (code === undefined) refused.set(filter, `${filter} is left out of the answer`);
        else if (code >= REFUSED_FROM) refused.set(filter, `${filter} is refused: ${wordsOf(version, code)}`);
        else if (code === 0)
          refused.set(filter, `${filter} is granted with QoS 0 only, so messages may be lost`);
      }
    }
    return refused;
  }

  async #ask(filters: readonly string[]): Promise<ISubackPacket['granted']> {
    this.#lastId = packetIdAfter(this.#lastId);
    const messageId = this.#lastId;
    const answered = Promise.withResolvers<ISubackPacket>();
    this.#subscribing.set(messageId, answered.resolve);
    this.#packets.send(subscribePacket(messageId, filters, this.#login.version));
    this.#tooLate = this.#giveUpWithout('SUBACK');
    const { granted } = await this.#unlessEnded(answered.promise);
    clearTimeout(this.#tooLate);
    this.#subscribing.delete(messageId);
    return granted;
  }

  /** Nothing depends on the answer: what comes until then is handled like everything. */
  unsubscribe(filters: readonly string[]): void {
    if (filters.length === 0) return;
    this.#lastId = packetIdAfter(this.#lastId);
    this.#packets.send({ cmd: 'unsubscribe', messageId: this.#lastId, unsubscriptions: [...filters] });
  }

  /** Stops without losing an acknowledgement that was earned. */
  async stop(appendsMs: number, lingerMs: number): Promise<void> {
    this.#draining = true;
    this.#packets.hush();
    const settled = Promise.withResolvers<void>();
    this.#acknowledgements.whenEmpty(settled.resolve);
    const timers = [setTimeout(settled.resolve, appendsMs)];
    await Promise.race([settled.promise, this.ended]);
    if (!this.#isOver) {
      this.#packets.send({ cmd: 'disconnect' } as Packet);
      this.#packets.finish();
      timers.push(setTimeout(() => this.#end('stopped', ''), lingerMs));
    }
    await this.ended;
    for (const timer of timers) clearTimeout(timer);
  }

  answer(qos: 0 | 1 | 2, messageId: number, outcome: MessageOutcome): void {
    if (typeof outcome !== 'string') {
      this.#end('not-durable', outcome.message);
      return;
    }
    this.#parts.telemetry.acknowledged();
    if (qos === 1) this.#packets.answers.puback(messageId);
    else this.#packets.answers.pubrec(messageId);
  }

  #unlessEnded<T>(answer: Promise<T>): Promise<T> {
    const end = this.ended.then(({ reason, detail }) => Promise.reject(new Error(`${reason}: ${detail}`)));
    return Promise.race([answer, end]);
  }

  #handle(packet: Packet, frame: Frame): void {
    switch (packet.cmd) {
      case 'publish':
        this.#publish(packet, frame);
        break;
      case 'connack':
        this.#greeted(packet);
        break;
      case 'suback':
        this.#subscribing.get(packet.messageId ?? 0)?.(packet);
        break;
      case 'pubrel':
        // The second half of a QoS 2 that an older subscription of this session asked for: nothing depends on it.
        this.#packets.answers.pubcomp(packet.messageId ?? 0);
        break;
      case 'disconnect':
        this.#dismissed(packet);
        break;
      case 'pingresp':
      case 'unsuback':
        break;
      default:
        throw new Error(`${packet.cmd} from a broker`);
    }
  }

  #greeted(packet: IConnackPacket): void {
    clearTimeout(this.#tooLate);
    const code = packet.reasonCode ?? packet.returnCode ?? 0;
    this.#keepalive.atMost(packet.properties?.serverKeepAlive ?? 0);
    if (code === 0) this.#connack.resolve(packet);
    else this.#end('refused', wordsOf(this.#login.version, code, packet.properties?.reasonString));
  }

  #dismissed({ reasonCode = 0, properties }: IDisconnectPacket): void {
    const words = wordsOf('5', reasonCode, properties?.reasonString);
    this.#end(reasonCode === SESSION_TAKEN_OVER ? 'taken-over' : 'closed', words);
  }

  #publish(packet: IPublishPacket, { cutBytes }: Frame): void {
    const { intake, client: device, telemetry } = this.#parts;
    const { version, ackDeadlineMs } = this.#login;
    const { topic, qos, retain: retained, dup, messageId = 0 } = packet;
    const payload = packet.payload as Buffer;
    telemetry.received(qos, dup, retained, cutBytes > 0);
    // What a session kept comes first, and may be much.
    if (this.#subscribing.size > 0) this.#tooLate.refresh();
    const message = {
      device,
      sender: this,
      acknowledgements: this.#acknowledgements,
      ackDeadlineMs,
      qos,
      messageId,
      version,
      trace: traceOf(packet),
      topic,
      retained,
      payload,
      cutFrom: cutBytes > 0 ? payload.length + cutBytes : undefined,
    };
    intake.receiveHandedOver(message);
  }

  #giveUpWithout(answer: string): NodeJS.Timeout {
    return setTimeout(() => this.#end('silent', `no ${answer} in time`), this.#login.connectMs);
  }

  #end(reason: SourceEndReason, detail: string): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#tooLate);
    this.#keepalive.stop();
    this.#acknowledgements.discard();
    this.#packets.destroy();
    this.#ended.resolve(this.#draining ? { reason: 'stopped', detail: '' } : { reason, detail });
  }
}
