import { type CachedPart, cacheFolder, isCached, type PartsOptions } from './cache.ts';
import { CHROMIUM } from './chromium.ts';
import { startInfluxDb } from './influxdb.ts';
import type { InfluxDbAddress } from './influxdb-api.ts';
import { influxDbPart } from './influxdb-parts.ts';
import { startKafka } from './kafka.ts';
import { kafkaPart } from './kafka-parts.ts';
import { MOSQUITTO } from './mosquitto.ts';
import { type MqttClientCommands, mqttClients, mqttClientsPart } from './mqtt-clients.ts';
import { MONITORING_TOOLS } from './prometheus.ts';
import { isOnPath, pathOf, requireTools, type Tool } from './tools.ts';

/** A real service for the tests, or why there is none: the tests that need it are then skipped with this reason. */
export type Provided<T> = T | Missing;

interface Missing {
  readonly missing: string;
}

export interface KafkaAddress {
  readonly brokers: readonly string[];
}

export interface Closable {
  /** Ends what was started for this; a service that was only pointed to stays. */
  close(): Promise<void>;
}

export interface ProvideOptions extends PartsOptions {
  /**
   * `TEST_KAFKA_BROKERS`, `TEST_MOSQUITTO` and `TEST_CHROMIUM` (the programs), or `TEST_INFLUX_URL`, `TEST_INFLUX_TOKEN` and `TEST_INFLUX_ORG`: use these services.
   * `REQUIRE_REAL_SERVICES=1`: build what is not cached, and throw instead of reporting it missing.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One Kafka broker. Tests that break brokers start their own with {@link startKafka}. */
export async function provideKafka(options: ProvideOptions): Promise<Provided<KafkaAddress & Closable>> {
  const brokers = options.env['TEST_KAFKA_BROKERS'];
  if (brokers) return { brokers: brokers.split(','), close: async () => {} };
  return notCached(kafkaPart, options) ?? startKafka({ ...options, brokers: 1 });
}

export async function provideInfluxDb(
  options: ProvideOptions,
): Promise<Provided<InfluxDbAddress & Closable>> {
  const { TEST_INFLUX_URL: url, TEST_INFLUX_TOKEN: token, TEST_INFLUX_ORG: org } = options.env;
  if (url && token && org) return { url, token, org, close: async () => {} };
  return notCached(influxDbPart, options) ?? startInfluxDb(options);
}

/** Whether Prometheus and Alertmanager are installed; each test starts its own, with the configuration it is about. */
export async function provideMonitoring({
  env,
}: ProvideOptions): Promise<Provided<{ readonly installed: true }>> {
  if (isRequired(env)) await requireTools(MONITORING_TOOLS);
  for (const { command, install } of MONITORING_TOOLS) {
    if (!(await isOnPath(command))) return { missing: `${command} is not installed (${install})` };
  }
  return { installed: true };
}

/** Debian's place for it, which is not in everybody's PATH. */
const MOSQUITTO_OF_DEBIAN = '/usr/sbin/mosquitto';

/** The program; each test starts its own, with the configuration it is about. */
export function provideMosquitto(options: ProvideOptions): Promise<Provided<Program>> {
  return provideProgram(
    MOSQUITTO,
    [options.env['TEST_MOSQUITTO'] || MOSQUITTO.command, MOSQUITTO_OF_DEBIAN],
    options,
  );
}

/** A browser; nothing is downloaded. */
export function provideChromium(options: ProvideOptions): Promise<Provided<Program>> {
  return provideProgram(CHROMIUM, [options.env['TEST_CHROMIUM'] || CHROMIUM.command], options);
}

export interface Program {
  /** Its path. */
  readonly command: string;
}

async function provideProgram(
  tool: Tool,
  candidates: readonly string[],
  { env }: ProvideOptions,
): Promise<Provided<Program>> {
  for (const candidate of candidates) {
    const command = await pathOf(candidate);
    if (command !== undefined) return { command };
  }
  if (isRequired(env)) await requireTools([tool]);
  return { missing: `${tool.command} is not installed (${tool.install})` };
}

/** Clients that we did not write; each test starts its own. */
export async function provideMqttClients(options: ProvideOptions): Promise<Provided<MqttClientCommands>> {
  return notCached(await mqttClientsPart(), options) ?? mqttClients(options);
}

/** Why a test cannot run, from the services it needs; undefined when all are there. For `describe.skipIf`. */
export function missingReason(...services: readonly Provided<object>[]): string | undefined {
  const reasons = services.flatMap((service) => ('missing' in service ? [service.missing] : []));
  return reasons.length === 0 ? undefined : reasons.join('; ');
}

/** The service itself, inside a test that {@link missingReason} let run. */
export function required<T extends object>(service: Provided<T>): T {
  if ('missing' in service) throw new Error(service.missing);
  return service as T;
}

const isRequired = (env: ProvideOptions['env']) => env['REQUIRE_REAL_SERVICES'] === '1';

/** Tests must stay quick on a fresh machine: what takes minutes to build is built only when somebody asked for it. */
function notCached(part: CachedPart, { env, cacheDir = cacheFolder() }: ProvideOptions): Missing | undefined {
  if (isRequired(env) || isCached(part, cacheDir)) return undefined;
  return { missing: `${part.name} is not on this machine; "npm run services -- build" fetches it` };
}
