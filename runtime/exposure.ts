import { isLoopback } from '#runtime/loopback.ts';
import type { MqttTlsSettings, Settings } from '#runtime/settings.ts';
import type { Values } from '#runtime/variables.ts';

/** How an operator says that he knows: nobody writes these words by accident. */
export const OPEN_TO_NETWORK = 'insecure-network-allowed';

/**
 * The settings of what listens, and the rule about them: what other machines can reach is protected, or the operator has
 * said in so many words that it is not. A setting that would be ignored is a problem, too: who sets TLS files believes
 * in their protection.
 */
export function assembleMqtt(values: Values, problems: string[]): Settings['mqtt'] {
  const { MQTT_HOST: host, DEVICE_CREDENTIALS_FILE: credentialsFile } = values;
  const port = values.MQTT_PORT === 'off' ? undefined : values.MQTT_PORT;
  const tls = assembleTls(values, problems);
  const anonymous =
    values.ALLOW_ANONYMOUS ?? (isLoopback(host) && credentialsFile === undefined ? 'true' : 'false');
  if (port === undefined && values.MQTT_TLS_PORT === undefined && values.MQTT_WS_PORT === undefined)
    problems.push('MQTT_PORT: expected a port number, because no other listener has a port');
  if (!isLoopback(host)) {
    const reachable = `because MQTT_HOST=${host} can be reached from other machines`;
    if (anonymous === 'true')
      problems.push(
        `ALLOW_ANONYMOUS: expected "false", ${reachable}, and anybody there could send as any device ("${OPEN_TO_NETWORK}" allows that)`,
      );
    if (anonymous === 'false' && credentialsFile === undefined && tls?.caFile === undefined)
      problems.push(`DEVICE_CREDENTIALS_FILE: expected a file, ${reachable}`);
    if (values.MQTT_PLAIN === undefined) {
      const readable = `${reachable}, and passwords and readings would cross the network for all to read and change (MQTT_PLAIN=${OPEN_TO_NETWORK} allows that)`;
      if (port !== undefined)
        problems.push(`MQTT_PORT: expected "off", and MQTT_TLS_PORT instead, ${readable}`);
      if (values.MQTT_WS_PORT !== undefined) problems.push(`MQTT_WS_PORT: expected no port, ${readable}`);
    }
  }
  return {
    host,
    port,
    tls,
    webSocketPort: values.MQTT_WS_PORT,
    credentialsFile,
    allowAnonymous: anonymous !== 'false',
    ackDeadlineMs: values.ACK_DEADLINE_MS,
  };
}

export function assembleHttp(values: Values, problems: string[]): Settings['http'] {
  const { HTTP_HOST: host, HTTP_PORT: port, HTTP_TOKEN: token, HTTP_ALLOWED_HOSTS: allowedHosts } = values;
  if (!isLoopback(host) && token === undefined && values.HTTP_OPEN === undefined)
    problems.push(
      `HTTP_TOKEN: expected a token of at least 16 characters, because HTTP_HOST=${host} can be reached from other machines, and readings, devices and metrics would be for all to read (HTTP_OPEN=${OPEN_TO_NETWORK} allows that)`,
    );
  return { host, port, token, allowedHosts };
}

function assembleTls(values: Values, problems: string[]): MqttTlsSettings | undefined {
  const { MQTT_TLS_PORT: port, MQTT_TLS_CERT_FILE: certFile, MQTT_TLS_KEY_FILE: keyFile } = values;
  if (port === undefined) {
    for (const name of ['MQTT_TLS_CERT_FILE', 'MQTT_TLS_KEY_FILE', 'MQTT_TLS_CA_FILE'] as const)
      if (values[name] !== undefined)
        problems.push(`MQTT_TLS_PORT: expected a port number, because ${name} is set`);
    return undefined;
  }
  if (certFile === undefined)
    problems.push('MQTT_TLS_CERT_FILE: expected a PEM file, because MQTT_TLS_PORT is set');
  if (keyFile === undefined)
    problems.push('MQTT_TLS_KEY_FILE: expected a PEM file, because MQTT_TLS_PORT is set');
  if (certFile === undefined || keyFile === undefined) return undefined;
  return { port, certFile, keyFile, caFile: values.MQTT_TLS_CA_FILE };
}
