import { PipelineError } from '#runtime/errors.ts';
import { type Contract, loadContract } from '#runtime/load-contract.ts';
import type { Settings } from '#runtime/settings.ts';

/**
 * What the pipeline would load.
 *
 * @throws PipelineError `configuration`: everything that is wrong with the files, or that no mappings are switched on.
 */
export function loadForCommand(settings: Settings): Contract {
  if (settings.mappings.length === 0 && settings.mappingDir === undefined) {
    throw new PipelineError(
      'configuration',
      'MAPPINGS: expected names of shipped mappings, or MAPPING_DIR a folder of your own: none are switched on',
    );
  }
  return loadContract(settings);
}
