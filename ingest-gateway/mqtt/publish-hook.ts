import type { Client, PublishPacket } from 'aedes';
import type { TraceContext } from '#contract/trace-context.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import type { MessageIntake } from '#ingest-gateway/intake/message-intake.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import type { AedesCallback } from './answers.ts';
import type { Connection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';
import { sentTopic } from './set-aside-topics.ts';

export interface PublishParts {
  readonly connections: ConnectionTable;
  readonly intake: MessageIntake;
  /** Of the whole gateway. */
  readonly budget: InflightBudget;
  readonly telemetry: IngestTelemetry;
}

/** What a client's publish leaves behind in aedes until it is done: nobody needs its payload there. */
const NO_PAYLOAD = Buffer.alloc(0);

/** aedes' hook, the only one that it awaits before it goes on with a PUBLISH. */
export function authorizePublish(
  parts: PublishParts,
  client: Client | null,
  packet: PublishPacket,
  done: AedesCallback,
): void {
  const connection = parts.connections.of(client);
  if (connection === undefined) throw new Error('a publish without a connection');
  handlePublish(parts, connection, packet, done);
}

/** What happens to a PUBLISH of a device. */
export function handlePublish(
  { connections, intake, telemetry }: PublishParts,
  connection: Connection,
  packet: PublishPacket & { readonly trace?: TraceContext | undefined },
  done: AedesCallback,
): void {
  const { device } = connection;
  if (device === undefined) throw new Error('a publish without a device');
  const retained = packet.retain;
  if (retained) {
    telemetry.tolerated('retain');
    packet.retain = false;
  }
  const { acknowledgements, ackDeadlineMs, answers } = connection;
  const { qos, trace } = packet;
  const { version } = answers;
  const payload = packet.payload as Buffer;
  packet.payload = NO_PAYLOAD;
  const topic = sentTopic(packet);
  const answer = answers.toPublish(packet, done);
  const access = intake.access(device, topic);
  if (access !== 'foreign') {
    const message = {
      device,
      access,
      acknowledgements,
      ackDeadlineMs,
      qos,
      version,
      trace,
      topic,
      retained,
      payload,
    };
    intake.receive(message, answer);
  } else if (!intake.discardForeign({ device, acknowledgements, qos, version, topic }, answer)) {
    connections.refuse(connection, 'foreign-topic', topic.slice(0, 128));
    // Closing in this turn would drop the acknowledgements that were just written.
    setImmediate(answer, new Error('too many messages to foreign topics'));
  }
}
