import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { DestinationStream } from 'pino';
import { collectDefaultMetrics, Registry } from 'prom-client';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { everyProblemAtOnce } from '#runtime/every-problem.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { readSettings, type Settings } from '#runtime/settings.ts';

export interface ServiceSetup {
  readonly settings: Settings;
  readonly schemas: SchemaRegistry;
  readonly deps: Deps;
}

/**
 * What every long-running process begins with: settings, schemas, logger, metrics (those of Node included).
 *
 * @param env the process's environment.
 * @param logTo default: standard output.
 * @throws PipelineError `configuration` with everything that is wrong with variables and schema files.
 */
export async function setUpService(
  name: string,
  env: Readonly<Record<string, string | undefined>>,
  logTo?: DestinationStream,
): Promise<ServiceSetup> {
  const read = async () => readSettings(env, (path) => readFileSync(path, 'utf8'));
  const load = async () => loadSchemas(env.SCHEMA_DIR || undefined);
  const [{ settings, warnings }, schemas] = await everyProblemAtOnce([read(), load()]);
  const log = createLogger({ name, level: settings.logLevel }, logTo);
  for (const warning of warnings) log.warn(warning);
  const metrics = new Registry();
  collectDefaultMetrics({ register: metrics });
  return { settings, schemas, deps: { log, metrics, now: Date.now, random: Math.random } };
}

/**
 * Finds out now what listening would find out later, when other problems may have hidden it.
 *
 * @param port `undefined` = nothing will listen.
 * @throws PipelineError `configuration` naming `variable`
 */
export async function assertPortFree(
  variable: string,
  host: string,
  port: number | undefined,
): Promise<void> {
  if (port === undefined) return;
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(port, host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'is in use' : String(error);
    throw new PipelineError('configuration', `${variable}: port ${port} on ${host} ${reason}`, {
      cause: error,
    });
  } finally {
    server.close();
  }
}
