import { createRequire } from 'node:module';
import { PipelineError } from '#runtime/errors.ts';

const KNOWN_VERSION = '2.2.4';
const require = createRequire(import.meta.url);

/**
 * The one door to the inside of kafkajs, which promises nothing about it: files below `kafkajs/src`, for the files of
 * this folder alone. Whoever comes through it learns first whether the installed version is the one that was read and
 * tested; the drills would have to be run against another one, whatever its number says.
 *
 * @throws PipelineError `configuration` when another version is installed
 */
export function insideKafkajs<Part>(file: string): Part {
  const { version } = require('kafkajs/package.json') as { readonly version: string };
  if (version !== KNOWN_VERSION) {
    throw new PipelineError(
      'configuration',
      `kafkajs ${version} is installed, but the driver was made for and tested with ${KNOWN_VERSION} (npm ci installs it)`,
    );
  }
  return require(`kafkajs/src/${file}`) as Part;
}
