import type { TestProject } from 'vitest/node';
import type { InfluxDbAddress } from './influxdb-api.ts';
import type { MqttClientCommands } from './mqtt-clients.ts';
import {
  type KafkaAddress,
  missingReason,
  type Program,
  type Provided,
  provideChromium,
  provideInfluxDb,
  provideKafka,
  provideMonitoring,
  provideMosquitto,
  provideMqttClients,
} from './provide.ts';

declare module 'vitest' {
  interface ProvidedContext {
    kafka: Provided<KafkaAddress>;
    influxdb: Provided<InfluxDbAddress>;
    monitoring: Provided<{ readonly installed: true }>;
    mosquitto: Provided<Program>;
    chromium: Provided<Program>;
    mqttClients: Provided<MqttClientCommands>;
  }
}

/**
 * One Kafka broker and one InfluxDB for all tests of a project that has tests to run: `inject('kafka')` gives the
 * address, or the reason why there is none. Tests share them, so each makes topics, groups and buckets of its own.
 * When one of them fails to start, vitest exits, and the other is killed with it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const progress = (message: string) => process.stderr.write(`${message}\n`);
  const options = { env: process.env, progress };
  const [kafka, influxdb, monitoring, mosquitto, chromium, mqttClients] = await Promise.all([
    provideKafka(options),
    provideInfluxDb(options),
    provideMonitoring(options),
    provideMosquitto(options),
    provideChromium(options),
    provideMqttClients(options),
  ]);
  const missing = missingReason(kafka, influxdb, monitoring, mosquitto, chromium, mqttClients);
  if (missing !== undefined) progress(`Tests that need real services are skipped: ${missing}`);

  // Only data travels to the test processes, so the functions are left out.
  const { provide } = project;
  provide('kafka', 'missing' in kafka ? kafka : { brokers: kafka.brokers });
  provide(
    'influxdb',
    'missing' in influxdb ? influxdb : { url: influxdb.url, token: influxdb.token, org: influxdb.org },
  );
  provide('monitoring', monitoring);
  provide('mosquitto', mosquitto);
  provide('chromium', chromium);
  provide('mqttClients', mqttClients);
  return async () => {
    await Promise.all([kafka, influxdb].map((service) => 'missing' in service || service.close()));
  };
}
