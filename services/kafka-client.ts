import { Kafka, logLevel } from 'kafkajs';
import { preventTimerSpin } from '#event-log/kafka/wire/timer-spin.ts';

/** A bare kafkajs client, for looking at brokers from outside of the pipeline's driver. It logs nothing. */
export function createKafkaClient(brokers: readonly string[]): Kafka {
  preventTimerSpin();
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING });
}
