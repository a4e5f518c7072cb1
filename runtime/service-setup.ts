import type { DestinationStream } from 'pino';
import { Registry } from 'prom-client';
import { type ConfigurationCheck, readConfiguration } from '#runtime/configuration.ts';
import { ContractInForce } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { giveMemoryBack } from '#runtime/heap-rest.ts';
import { createLogger } from '#runtime/logger.ts';
import { collectNodeMetrics } from '#runtime/node-metrics.ts';
import { readText } from '#runtime/read-text.ts';
import type { Environment } from '#runtime/read-variables.ts';
import type { Settings } from '#runtime/settings.ts';

export interface ServiceSetup {
  readonly settings: Settings;
  /** Schemas and mappings, watched for changes. */
  readonly contract: ContractInForce;
  readonly deps: Deps;
}

/**
 * What every long-running process begins with: settings, schemas and mappings, logger, metrics (those of Node included).
 *
 * @param env the process's environment.
 * @param checks what this process needs besides.
 * @param logTo default: standard output.
 * @throws PipelineError `configuration` with everything that is wrong: variables, what they name, files of schemas and
 *   mappings.
 */
export async function setUpService(
  name: string,
  env: Environment,
  checks: readonly ConfigurationCheck[],
  logTo?: DestinationStream,
): Promise<ServiceSetup> {
  const { settings, contract, warnings } = await readSettingsAndContract(env, checks);
  const log = createLogger({ name, level: settings.logLevel }, logTo);
  for (const warning of warnings) log.warn(warning);
  giveMemoryBack();
  const metrics = new Registry();
  collectNodeMetrics(metrics);
  const deps = { log, metrics, now: Date.now, random: Math.random };
  contract.watch(deps);
  return { settings, contract, deps };
}

/** @throws PipelineError `configuration`, as {@link setUpService} */
export async function readSettingsAndContract(
  env: Environment,
  checks: readonly ConfigurationCheck[] = [],
): Promise<Pick<ServiceSetup, 'settings' | 'contract'> & { readonly warnings: readonly string[] }> {
  let contract: ContractInForce | undefined;
  const load: ConfigurationCheck = {
    variables: ['SCHEMA_DIR', 'SHIPPED_SCHEMAS', 'MAPPINGS', 'MAPPING_DIR', 'SITE_ZONE'],
    run({ settings }) {
      contract = new ContractInForce(settings);
    },
  };
  const read = await readConfiguration(env, readText, [...checks, load]);
  if (contract === undefined)
    throw new PipelineError('configuration', 'schemas and mappings were not loaded');
  return { ...read, contract };
}
