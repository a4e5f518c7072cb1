import { z } from 'zod';
import { isDeviceId } from '#contract/device-topic.ts';
import { isSubscription } from '#contract/topic-filter.ts';
import { list, positiveInteger, text } from '#runtime/variable-kinds.ts';

const BROKER_URLS =
  'a list of addresses such as mqtt://host:1883, mqtts, ws or wss, without user and password (MQTT_SOURCE_USERNAME and MQTT_SOURCE_PASSWORD are for those)';
function isBrokerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return /^(mqtts?|wss?):$/.test(protocol) && hostname !== '' && username === '' && password === '';
}
/** Two addresses of one broker would be two clients of one id, which throw each other out. */
function areOfOneBrokerEach(urls: readonly string[]): boolean {
  const brokers = urls.filter(isBrokerUrl).map((url) => {
    const { protocol, hostname, port, pathname } = new URL(url);
    return [protocol, hostname.toLowerCase(), port || DEFAULT_PORTS[protocol], pathname].join(' ');
  });
  return new Set(brokers).size === brokers.length;
}
const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'mqtt:': '1883', 'mqtts:': '8883' };
const CLIENT_ID = 'letters, digits, ". _ : -", at most 64';

/** The variables of brokers that are there already, as part of `VARIABLES`. */
export const SOURCE_VARIABLES = {
  MQTT_SOURCE_URL: {
    schema: list('addresses')
      .refine((urls) => urls.length > 0 && urls.every(isBrokerUrl), BROKER_URLS)
      .refine(areOfOneBrokerEach, 'each broker once')
      .optional(),
    help: 'Set = readings also come from brokers that are there already, with QoS 1 in a persistent session: `mqtt://host:1883`, `mqtts://`, `ws://` or `wss://host/path`, separated by commas. Each is a broker of its own, and all are read; of the nodes of one cluster name one. Part of `npm start`, or `npm run mqtt-source` beside Kafka (docs/mqtt-source.md).',
  },
  MQTT_SOURCE_TOPICS: {
    schema: list('topic filters')
      .refine(
        (filters) => filters.length > 0 && filters.every(isSubscription),
        'a list of topic filters, separated by commas',
      )
      .optional(),
    help: 'What to subscribe to there, separated by commas; `$share/GROUP/FILTER` shares it among several processes. Default: `devices/+/telemetry`, and the topics of the mappings that are switched on.',
  },
  MQTT_SOURCE_CLIENT_ID: {
    schema: text(CLIENT_ID).refine(isDeviceId, CLIENT_ID).default('telemetry-pipeline'),
    help: 'Client id there. The broker keeps what was not acknowledged under this name: it must stay the same over restarts, and no two processes may have one at a time.',
  },
  MQTT_SOURCE_USERNAME: { schema: text('a user name').optional(), help: 'User name at the brokers.' },
  MQTT_SOURCE_PASSWORD: {
    schema: text('a password').optional(),
    help: 'Password at the brokers.',
    secret: true,
  },
  MQTT_SOURCE_CA_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Certificate authority of the brokers (PEM), trusted instead of those that Node.js knows. The three files are read again at each connection.',
  },
  MQTT_SOURCE_CERT_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Client certificate for the brokers (PEM, with its chain); needs MQTT_SOURCE_KEY_FILE.',
  },
  MQTT_SOURCE_KEY_FILE: {
    schema: text('a PEM file').optional(),
    help: 'Private key of the client certificate (PEM).',
  },
  MQTT_SOURCE_VERSION: {
    schema: z.enum(['5', '3.1.1'], '"5" or "3.1.1"').default('5'),
    help: 'MQTT version to speak with the brokers; 3.1.1 where they know no other.',
  },
  MQTT_SOURCE_MAX_DEVICES: {
    schema: positiveInteger('a whole number from 1').default(100_000),
    help: 'Devices that each broker may hand over readings of; those of further ones are dead letters.',
  },
} as const;

/** Whether one of the addresses is reached over TLS. */
export function usesTls(urls: readonly string[]): boolean {
  return urls.some((url) => /^(mqtts|wss):/i.test(url));
}
