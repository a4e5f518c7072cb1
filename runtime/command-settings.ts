import type { CommandIo } from '#runtime/command-line.ts';
import { readText } from '#runtime/read-text.ts';
import { readSettingsAndContract, type ServiceSetup } from '#runtime/service-setup.ts';
import { readSettings, type Settings } from '#runtime/settings.ts';
import { safeLines } from '#runtime/terminal-text.ts';

type Io = Pick<CommandIo, 'env' | 'stderr'>;

/**
 * The settings of a command; whoever typed it is told of variables that nobody reads.
 *
 * @throws PipelineError `configuration`
 */
export function settingsOfCommand(io: Io): Settings {
  const { settings, warnings } = readSettings(io.env, readText);
  warn(io, warnings);
  return settings;
}

/** The same with schemas and mappings. @throws PipelineError `configuration` */
export async function settingsAndContractOfCommand(
  io: Io,
): Promise<Pick<ServiceSetup, 'settings' | 'contract'>> {
  const { settings, contract, warnings } = await readSettingsAndContract(io.env);
  warn(io, warnings);
  return { settings, contract };
}

/** One line each; they may quote what others wrote. */
export function warn({ stderr }: Pick<Io, 'stderr'>, warnings: readonly string[]): void {
  for (const warning of warnings) stderr.write(`${safeLines(warning)}\n`);
}
