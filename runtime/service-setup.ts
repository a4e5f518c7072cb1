import { readFileSync } from 'node:fs';
import type { DestinationStream } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { type ConfigurationCheck, readConfiguration } from '#runtime/configuration.ts';
import type { Deps } from '#runtime/deps.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import type { Environment } from '#runtime/read-variables.ts';
import type { Settings } from '#runtime/settings.ts';

export interface ServiceSetup {
  readonly settings: Settings;
  readonly schemas: SchemaRegistry;
  readonly deps: Deps;
}

/**
 * What every long-running process begins with: settings, schemas, logger, metrics (those of Node included).
 *
 * @param env the process's environment.
 * @param checks what this process needs besides.
 * @param logTo default: standard output.
 * @throws PipelineError `configuration` with everything that is wrong: variables, what they name, schema files.
 */
export async function setUpService(
  name: string,
  env: Environment,
  checks: readonly ConfigurationCheck[],
  logTo?: DestinationStream,
): Promise<ServiceSetup> {
  const { settings, schemas, warnings } = await readSettingsAndSchemas(env, checks);
  const log = createLogger({ name, level: settings.logLevel }, logTo);
  for (const warning of warnings) log.warn(warning);
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  return { settings, schemas, deps: { log, metrics, now: Date.now, random: Math.random } };
}

/** @throws PipelineError `configuration`, as {@link setUpService} */
export async function readSettingsAndSchemas(
  env: Environment,
  checks: readonly ConfigurationCheck[] = [],
): Promise<Pick<ServiceSetup, 'settings' | 'schemas'> & { readonly warnings: readonly string[] }> {
  let schemas: SchemaRegistry = new Map();
  const load: ConfigurationCheck = {
    variables: ['SCHEMA_DIR', 'SHIPPED_SCHEMAS'],
    run({ settings }) {
      schemas = loadSchemas(settings);
    },
  };
  const read = await readConfiguration(env, (path) => readFileSync(path, 'utf8'), [...checks, load]);
  return { ...read, schemas };
}
