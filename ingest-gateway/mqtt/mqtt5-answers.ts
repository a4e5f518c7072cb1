import type { ConnectPacket } from 'aedes';
import { LIMITS } from '#contract/limits.ts';
import type { Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';
import type { MessageVerdict } from '#contract/mqtt5-message-answers.ts';
import { traceContextOf } from '#contract/trace-context.ts';
import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { MessageOutcome } from '#ingest-gateway/intake/acknowledgement-queue.ts';
import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { internalsOf } from './aedes-internals.ts';
import type { Answers } from './answers.ts';
import { classifyClientError } from './client-error.ts';
import type { Connection } from './connection.ts';
import { handlePublish, type PublishParts, type ReceivedPublish } from './handle-publish.ts';
import { type CostlyPacket, tokensOf } from './packet-cost.ts';
import type {
  ClientPacket,
  ConnectPacket as Mqtt5Connect,
  PublishPacket as Mqtt5Publish,
} from './v5/decode-packet.ts';
import { Mqtt5Peer } from './v5/mqtt5-peer.ts';
import type { SessionMemory } from './v5/session-memory.ts';
import { speakMqtt5 } from './v5/speak-mqtt5.ts';

export interface Mqtt5Parts {
  readonly limits: GatewayLimits;
  readonly sessions: SessionMemory;
  readonly publishes: PublishParts;
}

const NO_BYTES = Buffer.alloc(0);
/** A number of two bytes (MQTT 5, 3.2.2.3.3). */
const HIGHEST_RECEIVE_MAXIMUM = 65_535;

/** Lets a client speak MQTT 5, when its first packet says that it does. */
export function offerMqtt5(connection: Connection, parts: Mqtt5Parts): void {
  speakMqtt5(internalsOf(connection.client)._parser, () => {
    const answers = new Mqtt5Answers(connection, parts);
    connection.answers = answers;
    return answers.peer;
  });
}

/** MQTT 5 on a connection of ours: the other side of `Mqtt5Peer`, which knows the protocol, and neither aedes nor us. */
class Mqtt5Answers implements Answers {
  readonly version = '5';
  readonly peer: Mqtt5Peer;
  readonly #connection: Connection;

  constructor(connection: Connection, { limits, sessions, publishes }: Mqtt5Parts) {
    const { connections, telemetry } = publishes;
    const { stream, writer } = connection;
    const parser = internalsOf(connection.client)._parser;
    this.#connection = connection;
    this.peer = new Mqtt5Peer(
      {
        receiveMaximum: () =>
          receiveMaximum(connection.device?.budget.maxMessages ?? limits.inflightMessagesPerDevice),
        packetBytes: limits.packetBytes,
      },
      {
        stream,
        writer,
        sessions,
        connect: (packet) => parser.emit('packet', forAedes(packet)),
        publish: (packet) => handlePublish(publishes, connection, asPublish(packet)),
        arrived: (packet, length) => {
          telemetry.packetReceived(packet.cmd);
          connection.keepalive.heard();
          if (packet.cmd !== 'pubrel') connection.device?.bucket.take(tokensOf(costOf(packet, length)));
        },
        left: (packet) => {
          if (packet.cmd === 'publish') parser.emit('packet', { cmd: packet.cmd, ...asPublish(packet) });
          else if (packet.cmd === 'disconnect') parser.emit('packet', { cmd: packet.cmd });
        },
        charge: () => connection.device?.bucket.take(1),
        subscriptionRefused: () => telemetry.tolerated('subscription'),
        refused: (reason, detail) => {
          connections.refuse(connection, reason, detail);
          return connection.refusal ?? reason;
        },
        failed: (error) => telemetry.hookFailed('MQTT 5', error),
        end: (lastWords) => connection.end(lastWords),
      },
    );
  }

  connecting(packet: ConnectPacket): void {
    this.peer.connecting(packet);
  }

  refuseConnect(reason: RefusalReason): void {
    this.peer.refuse(reason, reason);
  }

  accepted(deviceId: string): void {
    this.peer.accepted(deviceId);
  }

  opened(): void {
    this.peer.opened();
  }

  answer(
    qos: 0 | 1 | 2,
    messageId: number,
    outcome: MessageOutcome,
    verdict: MessageVerdict | undefined,
  ): void {
    if (typeof outcome === 'string') {
      if (qos !== 0) this.peer.acknowledge(qos, messageId, outcome, verdict);
      return;
    }
    const reason = this.#connection.refusal ?? classifyClientError(outcome) ?? 'internal-error';
    this.peer.refuse(reason, outcome.message);
  }

  /** PUBREL does not come this way: the peer has seen it. */
  toRelease(): boolean {
    return true;
  }

  farewell(why: Mqtt5AnswerName): Uint8Array {
    return this.peer.farewell(why);
  }

  hungUp(): readonly ReceivedPublish[] {
    return this.peer.hungUp().map(asPublish);
  }
}

/** @param inflightMessages at which the client is not read from any more */
function receiveMaximum(inflightMessages: number): number {
  return Math.min(
    HIGHEST_RECEIVE_MAXIMUM,
    Math.max(1, Math.floor(inflightMessages * LIMITS.receiveMaximumShare)),
  );
}

function costOf(packet: ClientPacket, length: number): CostlyPacket {
  if (packet.cmd === 'subscribe') return { length, subscriptions: packet.answers };
  return packet.cmd === 'unsubscribe' ? { length, unsubscriptions: packet.filters } : { length };
}

function asPublish({ topic, payload, qos, retain, messageId, properties }: Mqtt5Publish): ReceivedPublish {
  const trace = traceContextOf(properties.traceparent, properties.tracestate);
  return { topic, payload, qos, retain, messageId, trace };
}

/** A CONNECT as aedes knows it. What MQTT 5 adds is dealt with before, and its sessions are ours. */
function forAedes({ clientId, keepalive, username, password, hasWill }: Mqtt5Connect): ConnectPacket {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    keepalive,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(hasWill && { will: { topic: '', payload: NO_BYTES, qos: 0, retain: false } }),
  };
}
