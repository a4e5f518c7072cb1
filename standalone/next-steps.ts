import { listVariables } from '#runtime/list-variables.ts';
import type { Environment } from '#runtime/read-variables.ts';
import type { Settings } from '#runtime/settings.ts';

const USUAL_MQTT_PORT = 1883;

export interface RunningAt {
  /** Of plain MQTT; `undefined` = off. */
  readonly mqttPort: number | undefined;
  readonly httpPort: number;
  readonly settings: {
    readonly mqtt: Pick<Settings['mqtt'], 'allowAnonymous'>;
    readonly shippedSchemas: boolean;
    readonly console: Pick<Settings['console'], 'isOn'>;
  };
  readonly env: Environment;
}

/** For the person at the terminal, who has seen the pipeline start: what may be tried now, to be copied as it stands. */
export function nextSteps({ mqttPort, httpPort, settings, env }: RunningAt): string {
  const http = `http://127.0.0.1:${httpPort}`;
  const set = listVariables().filter(({ name }) => env[name]);
  const steps = [
    `Try it from another terminal${set.length === 0 ? '' : `, with the same ${named(set.map(({ name }) => name))}`}:`,
    '',
    ...(mqttPort !== undefined && settings.shippedSchemas
      ? publishing(mqttPort, settings.mqtt.allowAnonymous)
      : []),
    `curl -s ${http}/api/devices/dev-1/readings`,
    'npm run trace -- dev-1 0        where this reading is',
    'npm run dlq -- list             what was refused, and why',
    'npm run devices -- status       who is connected, who was turned away',
    `curl -s ${http}/readyz`,
    ...(settings.console.isOn ? ['', `${http}/ shows all of it in a browser.`] : []),
  ];
  return `\n${[...steps, '', 'Ctrl-C ends it in order.'].map((line) => `  ${line}`.trimEnd()).join('\n')}\n\n`;
}

function publishing(port: number, allowAnonymous: boolean): string[] {
  const where = port === USUAL_MQTT_PORT ? '' : ` -p ${port}`;
  const login = allowAnonymous ? '' : ' -u dev-1 -P PASSWORD';
  return [
    ...(allowAnonymous ? [] : ['npm run devices -- add dev-1    prints its PASSWORD']),
    `ts=$(date +%s)000 values='{"temperature":21,"humidity":40}'`,
    `mosquitto_pub -q 1${where} -i dev-1${login} \\`,
    '-t devices/dev-1/telemetry \\',
    `-m '{"schema":"environment/1","ts":'$ts',"seq":0,"values":'$values'}'`,
  ];
}

/** Names only: among the values are secrets. */
function named(names: readonly string[]): string {
  return names.length > 3 ? 'environment' : names.join(', ');
}
