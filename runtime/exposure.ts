import path from 'node:path';
import { isLoopback } from '#runtime/loopback.ts';
import type { MqttTlsSettings, Settings } from '#runtime/settings.ts';
import type { TokenSettings } from '#runtime/token-variables.ts';
import type { Values, VariableName } from '#runtime/variables.ts';

/** How an operator says that he knows: nobody writes these words by accident. */
export const OPEN_TO_NETWORK = 'insecure-network-allowed';

/** What is read for a TLS listener only. */
const TLS_FILES = [
  'MQTT_TLS_CERT_FILE',
  'MQTT_TLS_KEY_FILE',
  'MQTT_TLS_CA_FILE',
  'MQTT_TLS_CRL_FILE',
] as const;

/**
 * The rule about what listens: what other machines can reach is protected, or the operator has said in so many words that
 * it is not. A setting that would be ignored is a problem, too: who sets TLS files believes in their protection.
 *
 * @param isSet also when the value is refused: then it is told already, and nothing follows from it.
 */
export function judgeExposure(values: Values, isSet: (name: VariableName) => boolean, tell: Tell): void {
  const { MQTT_HOST: host, HTTP_HOST: httpHost } = values;
  const hasTls = isSet('MQTT_TLS_PORT') || isSet('MQTT_WSS_PORT');
  if (values.MQTT_PORT === 'off' && !hasTls && !isSet('MQTT_WS_PORT'))
    tell('MQTT_PORT', 'expected a port number, because no other listener has a port');
  if (!hasTls) {
    for (const name of TLS_FILES)
      if (isSet(name)) tell('MQTT_TLS_PORT', `expected a port number, because ${name} is set`);
  }
  if (!isLoopback(host)) {
    const reachable = `because MQTT_HOST=${host} can be reached from other machines`;
    const anonymous = anonymousOf(values);
    if (anonymous === 'true')
      tell(
        'ALLOW_ANONYMOUS',
        `expected "false", ${reachable}, and anybody there could send as any device ("${OPEN_TO_NETWORK}" allows that)`,
      );
    const authenticated =
      isSet('DEVICE_CREDENTIALS_FILE') || hasTokens(values) || (hasTls && isSet('MQTT_TLS_CA_FILE'));
    if (anonymous === 'false' && !authenticated)
      tell('DEVICE_CREDENTIALS_FILE', `expected a file, ${reachable}`);
    if (!isSet('MQTT_PLAIN')) {
      const readable = `${reachable}, and passwords and readings would cross the network for all to read and change (MQTT_PLAIN=${OPEN_TO_NETWORK} allows that)`;
      if (values.MQTT_PORT !== 'off')
        tell('MQTT_PORT', `expected "off", and MQTT_TLS_PORT instead, ${readable}`);
      if (isSet('MQTT_WS_PORT'))
        tell('MQTT_WS_PORT', `expected no port, and MQTT_WSS_PORT instead, ${readable}`);
    }
  }
  if (isSet('JWT_JWKS_FILE') && isSet('JWT_JWKS_URL'))
    tell('JWT_JWKS_URL', 'set it or JWT_JWKS_FILE, not both');
  if (isSet('MQTT_TLS_CRL_FILE') && !isSet('MQTT_TLS_CA_FILE'))
    tell('MQTT_TLS_CA_FILE', 'expected a PEM file, because MQTT_TLS_CRL_FILE is set');
  if (!isLoopback(httpHost) && !isSet('HTTP_TOKEN') && !isSet('HTTP_OPEN') && !isSet('CONSOLE_PASSWORD'))
    tell(
      'HTTP_TOKEN',
      `expected a token of at least 16 characters, because HTTP_HOST=${httpHost} can be reached from other machines, and readings, devices and metrics would be for all to read (HTTP_OPEN=${OPEN_TO_NETWORK} allows that)`,
    );
}

/** Tells what is wrong with a variable. */
export type Tell = (name: VariableName | `${VariableName}_FILE`, what: string) => void;

export function assembleMqtt(values: Values): Settings['mqtt'] {
  return {
    host: values.MQTT_HOST,
    port: values.MQTT_PORT === 'off' ? undefined : values.MQTT_PORT,
    tls: assembleTls(values),
    webSocketPort: values.MQTT_WS_PORT,
    webSocketOrigins: values.MQTT_WS_ORIGINS,
    proxyProtocol: values.MQTT_PROXY_PROTOCOL,
    credentialsFile: values.DEVICE_CREDENTIALS_FILE,
    bansFile: values.BANS_FILE ?? path.join(values.DATA_DIR, 'bans.json'),
    tokens: assembleTokens(values),
    allowAnonymous: anonymousOf(values) !== 'false',
    ackDeadlineMs: values.ACK_DEADLINE_MS,
  };
}

export function assembleHttp(values: Values): Settings['http'] {
  const { HTTP_HOST: host, HTTP_PORT: port, HTTP_TOKEN: token, HTTP_ALLOWED_HOSTS: allowedHosts } = values;
  const { CONSOLE_PASSWORD: password, HTTP_TRUSTED_PROXIES: trustedProxies } = values;
  return { host, port, token, password, allowedHosts, trustedProxies };
}

function hasTokens({ JWT_JWKS_FILE: file, JWT_JWKS_URL: url }: Values): boolean {
  return file !== undefined || url !== undefined;
}

function assembleTokens(values: Values): TokenSettings | undefined {
  const { JWT_JWKS_FILE: file, JWT_JWKS_URL: url, JWT_ISSUER: issuer, JWT_AUDIENCE: audience } = values;
  const keys = file !== undefined ? { file } : url !== undefined ? { url } : undefined;
  if (keys === undefined) return undefined;
  const clockToleranceMs = values.JWT_CLOCK_TOLERANCE_SECONDS * 1000;
  return { keys, issuer, audience, algorithms: values.JWT_ALGORITHMS, clockToleranceMs };
}

function anonymousOf(values: Values): NonNullable<Values['ALLOW_ANONYMOUS']> {
  const closed =
    values.DEVICE_CREDENTIALS_FILE !== undefined || hasTokens(values) || !isLoopback(values.MQTT_HOST);
  return values.ALLOW_ANONYMOUS ?? (closed ? 'false' : 'true');
}

function assembleTls(values: Values): MqttTlsSettings | undefined {
  const { MQTT_TLS_PORT: port, MQTT_WSS_PORT: webSocketPort } = values;
  const { MQTT_TLS_CERT_FILE: certFile, MQTT_TLS_KEY_FILE: keyFile } = values;
  if (port === undefined && webSocketPort === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) return undefined;
  return {
    port,
    webSocketPort,
    certFile,
    keyFile,
    caFile: values.MQTT_TLS_CA_FILE,
    crlFile: values.MQTT_TLS_CRL_FILE,
    ciphers: values.MQTT_TLS_CIPHERS,
  };
}
