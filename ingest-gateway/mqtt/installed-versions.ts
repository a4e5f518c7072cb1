import { createRequire } from 'node:module';
import { parserProblem, wrongVersion } from '#ingest-gateway/parser-version.ts';
import { PipelineError } from '#runtime/errors.ts';

const KNOWN_AEDES = '1.2.0';
const KNOWN_WS = '8.23.0';

/**
 * Asked at start. The guards of this folder stand inside aedes, inside mqtt-packet, its parser, and inside ws; with other
 * versions they may stand where nobody passes any more, and nothing would show it. package.json pins them. The parser is looked
 * for from where aedes stands: aedes' copy is the one that parses.
 *
 * @throws PipelineError `configuration` naming each package that is another one, or of which aedes has its own copy
 */
export function assertKnownVersions(): void {
  const ours = createRequire(import.meta.url);
  const ofAedes = createRequire(ours.resolve('aedes'));
  const problems: string[] = [];
  const { version } = ofAedes('./package.json') as { readonly version: string };
  if (version !== KNOWN_AEDES) problems.push(wrongVersion('aedes', version, KNOWN_AEDES));
  const { version: ws } = ours('ws/package.json') as { readonly version: string };
  if (ws !== KNOWN_WS) problems.push(wrongVersion('ws', ws, KNOWN_WS));
  const parser = parserProblem(ofAedes);
  if (parser !== undefined) problems.push(parser);
  if (ofAedes.resolve('mqtt-packet') !== ours.resolve('mqtt-packet'))
    problems.push('aedes has its own copy of mqtt-packet (npm ci installs a single one)');
  if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
}
