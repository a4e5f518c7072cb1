import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import { everyProblemAtOnce } from '#runtime/every-problem.ts';
import type { Environment, ReadFile } from '#runtime/read-variables.ts';
import { type DraftSettings, draftSettings } from '#runtime/settings.ts';
import type { VariableName } from '#runtime/variables.ts';

/** Something that must hold before a process starts: what it needs beside others, a file it will read, a port. */
export interface ConfigurationCheck {
  /** What it is about. It is left out when one of them is told to be wrong already: it would only say so again. */
  readonly variables: readonly VariableName[];
  /** True of this machine at this moment only, or it changes something: not asked when settings are checked from beside. */
  readonly ofThisMachine?: true;
  /** @throws PipelineError `configuration`, each line naming its variable. */
  run(draft: DraftSettings): unknown;
}

/**
 * Reads the environment and checks what it says, whatever else is wrong: an operator learns everything from one answer.
 *
 * @throws PipelineError `configuration` with the problems of all variables and all checks, one a line, and the warnings after
 *   them: what is missing may be there under a misspelt name.
 */
export async function readConfiguration(
  env: Environment,
  readFile: ReadFile,
  checks: readonly ConfigurationCheck[],
): Promise<Pick<DraftSettings, 'settings' | 'warnings'>> {
  const draft = draftSettings(env, readFile);
  const { settings, wrong, problems, warnings } = draft;
  const told = async (): Promise<void> => {
    if (problems.length > 0) throw new PipelineError('configuration', problems.join('\n'));
  };
  const checked = checks
    .filter(({ variables }) => !variables.some((name) => wrong.has(name)))
    .map(async (check) => {
      await check.run(draft);
    });
  try {
    await everyProblemAtOnce([told(), ...checked]);
  } catch (error) {
    if (!hasCode(error, 'configuration') || warnings.length === 0) throw error;
    throw new PipelineError('configuration', [describeError(error), ...warnings].join('\n'), {
      cause: error,
    });
  }
  return { settings, warnings };
}
