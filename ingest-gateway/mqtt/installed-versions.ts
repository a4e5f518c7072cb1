import { createRequire } from 'node:module';
import { PipelineError } from '#runtime/errors.ts';

const KNOWN_AEDES = '1.2.0';
const KNOWN_MQTT_PACKET = '9.0.2';

/**
 * Asked at start. The guards of this folder stand inside aedes and inside mqtt-packet, its parser; with other versions
 * they may stand where nobody passes any more, and nothing would show it. package.json pins both. The parser is looked
 * for from where aedes stands: aedes' copy is the one that parses.
 *
 * @throws PipelineError `configuration` naming each package that is another one, or of which aedes has its own copy
 */
export function assertKnownVersions(): void {
  const ours = createRequire(import.meta.url);
  const ofAedes = createRequire(ours.resolve('aedes'));
  const problems: string[] = [];
  const expectVersion = (name: string, packageFile: string, known: string): void => {
    const { version } = ofAedes(packageFile) as { readonly version: string };
    if (version === known) return;
    problems.push(
      `${name} ${version} is installed, but the guards were made for and tested with ${known} (npm ci installs it)`,
    );
  };
  expectVersion('aedes', './package.json', KNOWN_AEDES);
  expectVersion('mqtt-packet', 'mqtt-packet/package.json', KNOWN_MQTT_PACKET);
  if (ofAedes.resolve('mqtt-packet') !== ours.resolve('mqtt-packet'))
    problems.push('aedes has its own copy of mqtt-packet (npm ci installs a single one)');
  if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
}
