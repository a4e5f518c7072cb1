const KNOWN_MQTT_PACKET = '9.0.2';

/**
 * What is wrong with the installed mqtt-packet; `undefined` = nothing. Our guards, of devices and of brokers alike, stand inside
 * of it or beside what it is known to let through.
 *
 * @param load `require` of whoever parses with it.
 */
export function parserProblem(load: NodeJS.Require): string | undefined {
  const { version } = load('mqtt-packet/package.json') as { readonly version: string };
  return version === KNOWN_MQTT_PACKET ? undefined : wrongVersion('mqtt-packet', version, KNOWN_MQTT_PACKET);
}

export function wrongVersion(name: string, version: string, known: string): string {
  return `${name} ${version} is installed, but the guards were made for and tested with ${known} (npm ci installs it)`;
}
