import type { EventLog } from '#event-log/event-log.ts';
import type { Deps } from '#runtime/deps.ts';
import type { Settings } from '#runtime/settings.ts';

/**
 * Opens the event log that the settings name: Kafka with `KAFKA_BROKERS`, else the embedded one in `DATA_DIR`. Each
 * driver is loaded only when it is used.
 *
 * @param role `owner`: a process of the pipeline; `beside`: a command-line tool, whether the pipeline runs or not.
 *   Makes a difference to the embedded log only, whose files have one owner.
 * @throws PipelineError `configuration` (embedded: another owner, unusable files). A Kafka that is away is no error.
 */
export async function openEventLog(
  settings: Settings,
  role: 'owner' | 'beside',
  deps: Deps,
): Promise<EventLog> {
  if (settings.kafka !== undefined) {
    const { openKafkaEventLog } = await import('#event-log/kafka/kafka-event-log.ts');
    return openKafkaEventLog({ ...settings.kafka, clientId: 'iot-telemetry-pipeline' }, deps);
  }
  const { openEmbeddedEventLog } = await import('#event-log/embedded/open-embedded-event-log.ts');
  const { dataDir, embeddedMaxBytes: maxBytes, clockConfirmedMs } = settings;
  return openEmbeddedEventLog({ dataDir, role, maxBytes, clockConfirmedMs }, deps);
}
