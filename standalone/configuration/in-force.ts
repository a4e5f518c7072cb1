import { listVariables } from '#runtime/list-variables.ts';
import type { Environment } from '#runtime/read-variables.ts';
import type { Settings } from '#runtime/settings.ts';
import { withoutLogin } from '#runtime/url-login.ts';
import type { VariableName } from '#runtime/variables.ts';

export const PROCESS_NAMES = [
  'standalone',
  'gateway',
  'mqtt-source',
  'processors',
  'lag-monitor',
  'console',
] as const;
export type ProcessName = (typeof PROCESS_NAMES)[number];

/** A variable as it is understood. */
export interface VariableInForce {
  readonly name: VariableName;
  /** `null` = nothing is. */
  readonly value: string | null;
  /** `default`: the fixed one, or what follows from other variables. */
  readonly from: 'default' | 'environment' | `file ${string}` | 'not set';
  readonly readBy: readonly ProcessName[];
}

/** Who reads a variable, by the beginning of its name; what is in none of these all read. `npm start` reads everything. */
const READERS: readonly { readonly names: RegExp; readonly by: readonly ProcessName[] }[] = [
  {
    names: /^(DATA_DIR|EMBEDDED_|CLOCK_CONFIRMED|STORE_RETENTION_DAYS|DEAD_LETTER_SHARE)/,
    by: ['standalone'],
  },
  { names: /^MQTT_SOURCE_/, by: ['standalone', 'mqtt-source'] },
  { names: /^(ACK_DEADLINE|MAX_READING)/, by: ['standalone', 'gateway', 'mqtt-source'] },
  {
    names: /^(MQTT_|DEVICE_|JWT_|BANS_|ALLOW_ANONYMOUS)/,
    by: ['standalone', 'gateway'],
  },
  { names: /^AUDIT_/, by: ['standalone', 'gateway', 'console'] },
  { names: /^CONSOLE_TARGETS/, by: ['console'] },
  { names: /^CONSOLE/, by: ['standalone', 'console'] },
  { names: /^(INFLUX_|STORE_)/, by: ['standalone', 'processors', 'console'] },
  { names: /^CONSUMER_GROUP/, by: ['standalone', 'processors', 'lag-monitor', 'console'] },
];

const HTTP_PORTS: Readonly<Record<ProcessName, number>> = {
  standalone: 8080,
  gateway: 8080,
  processors: 8081,
  'lag-monitor': 8082,
  'mqtt-source': 8083,
  console: 8084,
};

/** The processes of the size that the environment asks for. */
export function processesOf(env: Environment): readonly ProcessName[] {
  if (!env['KAFKA_BROKERS']) return ['standalone'];
  const source: readonly ProcessName[] = env['MQTT_SOURCE_URL'] ? ['mqtt-source'] : [];
  const page: readonly ProcessName[] = env['CONSOLE_TARGETS'] ? ['console'] : [];
  return ['gateway', ...source, 'processors', 'lag-monitor', ...page];
}

/** Every variable that one of these processes reads, in the order of the documentation. */
export function variablesInForce(
  env: Environment,
  settings: Settings,
  processes: readonly ProcessName[],
): VariableInForce[] {
  return listVariables().flatMap(({ name, default: fallback, secret }) => {
    const readBy = processes.filter((reader) => isReadBy(reader, name));
    if (readBy.length === 0) return [];
    const file = secret ? env[`${name}_FILE`] : undefined;
    if (file) return { name, value: HIDDEN, from: `file ${file}`, readBy } as const;
    const given = env[name];
    if (given)
      return { name, value: secret ? HIDDEN : shown(given.trim()), from: 'environment', readBy } as const;
    const value = fallback || followsFrom(name, settings, readBy);
    return { name, value: value ?? null, from: value === undefined ? 'not set' : 'default', readBy } as const;
  });
}

const HIDDEN = '(hidden)';

/** Without user and password, where it is an address that holds them, or a list of such. */
function shown(value: string): string {
  return value
    .split(',')
    .map((item) => {
      if (!URL.canParse(item)) return item;
      const { address, authorization } = withoutLogin(item);
      return authorization === undefined ? item : address.href;
    })
    .join(',');
}

function isReadBy(reader: ProcessName, name: VariableName): boolean {
  const readers = READERS.find(({ names }) => names.test(name))?.by;
  return readers === undefined || readers.includes(reader);
}

/** Defaults that are no fixed word. */
function followsFrom(
  name: VariableName,
  { limits, mqtt }: Settings,
  processes: readonly ProcessName[],
): string | undefined {
  switch (name) {
    case 'MQTT_MESSAGE_BURST':
      return String(limits.messageBurst);
    case 'MQTT_RESERVED_CONNECTIONS':
      return String(limits.reservedConnections);
    case 'MQTT_CONNECTIONS_PER_ADDRESS':
      return String(limits.connectionsPerAddress);
    case 'ALLOW_ANONYMOUS':
      return String(mqtt.allowAnonymous);
    case 'BANS_FILE':
      return mqtt.bansFile;
    case 'HTTP_PORT':
      return processes.length === 1
        ? String(HTTP_PORTS[processes[0] as ProcessName])
        : processes.map((one) => `${one} ${HTTP_PORTS[one]}`).join(', ');
    default:
      return undefined;
  }
}
