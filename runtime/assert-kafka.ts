import { PipelineError } from './errors.ts';
import type { Settings } from './settings.ts';

/**
 * For a process that shares its log with others, which only Kafka lets it do.
 *
 * @param why completes "expected a list of brokers, because …"
 * @throws PipelineError `configuration`
 */
export function assertKafka(settings: Settings, why: string): void {
  if (settings.kafka !== undefined) return;
  throw new PipelineError(
    'configuration',
    `KAFKA_BROKERS: expected a list "host:port,host:port", because ${why}`,
  );
}
