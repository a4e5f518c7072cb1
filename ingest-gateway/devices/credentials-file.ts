import { existsSync, statSync } from 'node:fs';
import { z } from 'zod';
import { isDeviceId } from '#contract/device-topic.ts';
import { PipelineError } from '#runtime/errors.ts';
import { readText } from '#runtime/read-text.ts';
import type { Environment } from '#runtime/read-variables.ts';
import { type Credential, credentialSchema } from './credential.ts';
import { assertNotWritableForAll, rewriteFile } from './rewrite-file.ts';

/** Who may connect, and who may not: by device id. */
export type Credentials = ReadonlyMap<string, Credential>;

/** One choice by one key, and no union: of those, zod tells which kind none of them is, not what is wrong. */
const entrySchema = z.preprocess(
  (entry) => (entry === 'revoked' ? { algorithm: entry } : entry),
  z.discriminatedUnion('algorithm', [
    ...credentialSchema.options,
    z.strictObject({ algorithm: z.literal('revoked') }).transform(() => 'revoked' as const),
  ]),
);

const fileSchema = z.strictObject({
  version: z.literal(1),
  // As a map: `__proto__` and `constructor` are device ids like any other, and no keys for an object.
  devices: z.preprocess(
    (devices) =>
      typeof devices === 'object' && devices !== null && !Array.isArray(devices)
        ? new Map(Object.entries(devices))
        : devices,
    z.map(z.string().refine(isDeviceId, 'not a device id'), entrySchema),
  ),
});

/** Of a file that is wrong in many places: enough to see what kind of mistake it is. */
const PROBLEMS_TOLD = 10;
const VARIABLE = 'DEVICE_CREDENTIALS_FILE';

/** The file a command is about. @throws PipelineError `configuration` when nobody named one. */
export function credentialsFileOf(env: Environment, file: string | undefined = env[VARIABLE]): string {
  if (file) return file;
  throw new PipelineError('configuration', `${VARIABLE}: expected a file, in the environment or as --file`);
}

/** @throws PipelineError `configuration` when it cannot be read, everybody may write it, or it is not a credentials file. */
export function readCredentials(file: string): Credentials {
  let content: unknown;
  try {
    assertNotWritableForAll(VARIABLE, file, statSync(file));
    content = JSON.parse(readText(file));
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    // A syntax error quotes the file, which does not belong into logs.
    if (cause instanceof SyntaxError) throw unusable(file, 'it is not JSON');
    throw unusable(file, cause instanceof Error ? cause.message : String(cause));
  }
  const result = fileSchema.safeParse(content);
  if (result.success) return result.data.devices;
  const { issues } = result.error;
  const told = issues
    .slice(0, PROBLEMS_TOLD)
    .map(({ path, message }) => `${path.join('.')} ${message}`.trim());
  if (issues.length > told.length) told.push(`and ${issues.length - told.length} more`);
  throw unusable(file, told.join('; '));
}

/** As `readCredentials`; nobody, when there is no file yet. */
export function credentialsIfAny(file: string): Credentials {
  return existsSync(file) ? readCredentials(file) : new Map();
}

function unusable(file: string, why: string): PipelineError {
  return new PipelineError(
    'configuration',
    `${VARIABLE}: expected a credentials file (npm run devices), ${file} is none: ${why}`,
  );
}

/**
 * Changes the file as a whole (`rewriteFile`).
 *
 * @param change gets the present content, empty when there is no file yet.
 * @throws PipelineError `configuration` when the file cannot be read or written, or another change is under way.
 */
export async function changeCredentials(
  file: string,
  change: (devices: Map<string, Credential>) => Promise<void>,
): Promise<void> {
  await rewriteFile(VARIABLE, file, async () => {
    const devices = new Map(credentialsIfAny(file));
    await change(devices);
    const sorted = [...devices].sort(([a], [b]) => (a < b ? -1 : 1));
    return `${JSON.stringify({ version: 1, devices: Object.fromEntries(sorted) }, null, 2)}\n`;
  });
}
