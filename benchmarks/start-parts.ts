import { describeError } from '#runtime/errors.ts';
import { type InfluxDb, startInfluxDb } from '#services/influxdb.ts';
import { type Kafka, startKafka } from '#services/kafka.ts';
import { isOnPath } from '#services/tools.ts';
import type { PeerParts } from './peer/measure-peer.ts';
import { telegrafCommand } from './peer/telegraf.ts';
import type { Parts } from './plan.ts';
import type { Missing } from './run-measurements.ts';

export interface WantedParts {
  readonly real: boolean;
  readonly peer: boolean;
}

/**
 * Starts what the measurements need beside the pipeline. What cannot be had is left out with all that needs it, and told: the
 * rest can be measured without.
 *
 * @param stack ends them
 */
export async function startParts(
  stack: AsyncDisposableStack,
  { real, peer }: WantedParts,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<{ readonly parts: Parts; readonly missing: readonly Missing[] }> {
  const missing: Missing[] = [];
  const leftOut = (name: string, error: unknown): undefined => {
    missing.push({ name, why: describeError(error) });
    say(`${name}: left out: ${describeError(error)}`);
    return undefined;
  };
  if (!real) return { parts: { signal }, missing };
  const services = await startServices(stack).catch((error: unknown) =>
    leftOut('all on Kafka and InfluxDB', error),
  );
  if (services === undefined) return { parts: { signal }, missing };
  const { kafka, influxDb } = services;
  const peerParts = peer
    ? await peerOf(services, say).catch((error: unknown) => leftOut('the peer', error))
    : undefined;
  return {
    parts: {
      signal,
      real: {
        env: {
          KAFKA_BROKERS: kafka.brokers.join(),
          INFLUX_URL: influxDb.url,
          INFLUX_TOKEN: influxDb.token,
          INFLUX_ORG: influxDb.org,
          INFLUX_BUCKET: influxDb.bucket,
        },
        pids: { kafka: kafka.node(0).pid, influxDb: influxDb.pid },
        signal,
      },
      peer: peerParts,
    },
    missing,
  };
}

interface Started {
  readonly kafka: Kafka;
  readonly influxDb: InfluxDb;
}

async function startServices(stack: AsyncDisposableStack): Promise<Started> {
  const kafka = stack.use(await startKafka({ brokers: 1 }));
  const influxDb = stack.use(await startInfluxDb());
  return { kafka, influxDb };
}

async function peerOf({ kafka, influxDb }: Started, say: (line: string) => void): Promise<PeerParts> {
  if (!(await isOnPath('mosquitto'))) throw new Error('mosquitto is missing (apt-get install mosquitto)');
  return { telegraf: await telegrafCommand(say), kafka, influxDb };
}
