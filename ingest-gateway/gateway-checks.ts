import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { portFree } from '#runtime/configuration-checks.ts';
import { PipelineError } from '#runtime/errors.ts';
import { readBans } from './devices/bans/bans-file.ts';
import { readCredentials } from './devices/credentials-file.ts';
import { readKeySet } from './devices/tokens/key-set.ts';
import { tlsFileProblems } from './mqtt/listeners/tls-files.ts';

/** What a gateway needs of files and ports, told before anything is opened, together with all else that is wrong. */
export const GATEWAY_CHECKS: readonly ConfigurationCheck[] = [
  {
    variables: ['DEVICE_CREDENTIALS_FILE'],
    run({ settings }) {
      const { credentialsFile } = settings.mqtt;
      if (credentialsFile !== undefined) readCredentials(credentialsFile);
    },
  },
  {
    variables: ['BANS_FILE'],
    run({ settings }) {
      const { bansFile } = settings.mqtt;
      if (bansFile !== undefined) readBans(bansFile);
    },
  },
  {
    variables: ['JWT_JWKS_FILE'],
    run({ values }) {
      const { JWT_JWKS_FILE: file } = values;
      if (file !== undefined) readKeySet(file);
    },
  },
  {
    // Not left out because the port or one of the files is wrong: the others are judged all the same.
    variables: [],
    run({ values }) {
      const problems = tlsFileProblems({
        certFile: values.MQTT_TLS_CERT_FILE,
        keyFile: values.MQTT_TLS_KEY_FILE,
        caFile: values.MQTT_TLS_CA_FILE,
        crlFile: values.MQTT_TLS_CRL_FILE,
      });
      if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
    },
  },
  portFree('MQTT_HOST', 'MQTT_PORT', ({ mqtt }) => mqtt),
  portFree('MQTT_HOST', 'MQTT_TLS_PORT', ({ mqtt }) => ({ host: mqtt.host, port: mqtt.tls?.port })),
  portFree('MQTT_HOST', 'MQTT_WSS_PORT', ({ mqtt }) => ({ host: mqtt.host, port: mqtt.tls?.webSocketPort })),
  portFree('MQTT_HOST', 'MQTT_WS_PORT', ({ mqtt }) => ({ host: mqtt.host, port: mqtt.webSocketPort })),
];
