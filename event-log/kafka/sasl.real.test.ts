import { afterAll, beforeAll, describe, inject, test } from 'vitest';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { missingReason } from '#services/provide.ts';
import { expectToBeRefused, expectToCarryRecords } from './testing/log-from-environment.ts';

const JAAS = 'org.apache.kafka.common.security';

// Each mechanism has a password of its own, so that one cannot be let in by another's.
const MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

describe.skipIf(missingReason(inject('kafka')))('SASL against a real broker', () => {
  let kafka: Kafka;
  beforeAll(async () => {
    kafka = await startKafka({
      brokers: 1,
      scramUsers: [
        { mechanism: 'SCRAM-SHA-256', name: 'pipeline', password: 'scram-sha-256 password' },
        { mechanism: 'SCRAM-SHA-512', name: 'pipeline', password: 'scram-sha-512 password' },
      ],
      config: {
        'listener.security.protocol.map': 'CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
        'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
        'listener.name.client.plain.sasl.jaas.config': `${JAAS}.plain.PlainLoginModule required user_pipeline="plain password";`,
        'listener.name.client.scram-sha-256.sasl.jaas.config': `${JAAS}.scram.ScramLoginModule required;`,
        'listener.name.client.scram-sha-512.sasl.jaas.config': `${JAAS}.scram.ScramLoginModule required;`,
      },
    });
  });
  afterAll(() => kafka.close());

  const login = (mechanism: string, password: string) => ({
    KAFKA_BROKERS: kafka.brokers.join(','),
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: 'pipeline',
    KAFKA_SASL_PASSWORD: password,
  });

  test.each(MECHANISMS)('%s: the right password appends, reads and consumes', async (mechanism) => {
    await expectToCarryRecords(login(mechanism, `${mechanism} password`), mechanism);
  });

  test.each(MECHANISMS)('[P10] %s: a wrong password is told, and nothing crashes', async (mechanism) => {
    await expectToBeRefused(login(mechanism, 'wrong'), { error: /SASL credentials/, health: /SASL/ });
  });
});
