import type { KafkaTelemetry } from '#event-log/kafka/telemetry.ts';
import type { ProduceAnswer, ProduceData } from '#event-log/kafka/wire/produce-request.ts';
import type { Moment } from './broker-clocks.ts';

/** Sends one Produce request to a broker; a channel serves one request at a time. Rejects when there is no answer. */
type Produce = (leader: number, channel: string, data: ProduceData) => Promise<ProduceAnswer>;

export interface AppenderDeps {
  readonly produce: Produce;
  /** A broker has answered what was sent then. */
  readonly onAnswer: (leader: number, answer: ProduceAnswer, sent: Moment) => void;
  /** The view of the cluster shall include this topic. */
  readonly follow: (topic: string) => void;
  /** The view of the cluster has proved wrong, or something wants to be probed. */
  readonly refresh: () => void;
  readonly describeBroker: (leader: number) => string;
  /** A partition can, or cannot, be written any more. */
  readonly onChange: () => void;
  readonly telemetry: KafkaTelemetry;
  readonly now: () => number;
  readonly random: () => number;
}
