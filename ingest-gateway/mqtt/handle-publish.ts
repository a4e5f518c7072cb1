import type { TraceContext } from '#contract/trace-context.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import type { MessageIntake } from '#ingest-gateway/intake/message-intake.ts';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { beginningOf } from '#runtime/own-text.ts';
import type { Connection } from './connection.ts';
import type { ConnectionTable } from './connection-table.ts';

export interface PublishParts {
  readonly connections: ConnectionTable;
  readonly intake: MessageIntake;
  /** Of the whole gateway. */
  readonly budget: InflightBudget;
  readonly telemetry: IngestTelemetry;
}

/** A PUBLISH as it is handled, whatever the version of MQTT. */
export interface ReceivedPublish {
  readonly topic: string;
  /** A view on the socket's buffer. */
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly messageId?: number | undefined;
  readonly trace?: TraceContext | undefined;
}

/** What happens to a PUBLISH of a device. @throws Error without a device: nobody may publish before CONNACK */
export function handlePublish(
  { connections, intake, telemetry }: PublishParts,
  connection: Connection,
  { topic, payload, qos, retain: retained, messageId = 0, trace }: ReceivedPublish,
): void {
  const { device, acknowledgements, ackDeadlineMs, answers: sender } = connection;
  if (device === undefined) throw new Error('a publish without a device');
  if (retained) telemetry.tolerated('retain');
  const { version } = sender;
  const access = intake.access(device, topic);
  const message = {
    device,
    sender,
    acknowledgements,
    ackDeadlineMs,
    qos,
    messageId,
    version,
    trace,
    topic,
    retained,
    payload,
  };
  if (access !== 'foreign') intake.receive(message, access);
  else if (!intake.discardForeign(message)) {
    connections.refuse(connection, 'foreign-topic', beginningOf(topic, 128));
    // Closing in this turn would drop the acknowledgements that were just written.
    setImmediate(() => sender.answer(qos, messageId, new Error('too many messages to foreign topics')));
  }
}
