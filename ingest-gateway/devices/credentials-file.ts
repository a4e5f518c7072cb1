import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import { isDeviceId } from '#contract/device-topic.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type PasswordHash, passwordHashSchema } from './password-hash.ts';

/** What the file says about a device. One that was revoked stays in it, or it could come back without a password. */
export type Credential = PasswordHash | 'revoked';

/** Who may connect, and who may not: by device id. */
export type Credentials = ReadonlyMap<string, Credential>;

const fileSchema = z.strictObject({
  version: z.literal(1),
  devices: z.record(
    z.string().refine(isDeviceId, 'not a device id'),
    z.union([passwordHashSchema, z.literal('revoked')]),
  ),
});

/** @throws PipelineError `configuration` when it cannot be read or is not a credentials file. */
export function readCredentials(file: string): Credentials {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    // A syntax error quotes the file, which does not belong into logs.
    if (cause instanceof SyntaxError) throw unusable(file, 'it is not JSON');
    throw unusable(file, cause instanceof Error ? cause.message : String(cause));
  }
  const result = fileSchema.safeParse(content);
  if (result.success) return new Map(Object.entries(result.data.devices));
  const [issue] = result.error.issues;
  throw unusable(file, `${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
}

function unusable(file: string, why: string): PipelineError {
  return new PipelineError(
    'configuration',
    `DEVICE_CREDENTIALS_FILE: expected a credentials file (npm run devices), ${file} is none: ${why}`,
  );
}

/**
 * Changes the file as a whole: readers see the old content or the new, and only its owner may read it. The new content
 * is written to `<file>.new`, whose exclusive creation also keeps two changes apart.
 *
 * @param change gets the present content, empty when there is no file yet.
 * @throws PipelineError `configuration` when the file cannot be read or written, or another change is under way.
 */
export async function changeCredentials(
  file: string,
  change: (devices: Map<string, Credential>) => Promise<void>,
): Promise<void> {
  const draft = `${file}.new`;
  let descriptor: number;
  try {
    descriptor = openSync(draft, 'wx', 0o600);
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === 'EEXIST';
    const why = exists
      ? `${draft} exists: another change is under way, or one was interrupted (then delete it)`
      : `${draft} cannot be written: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new PipelineError('configuration', `DEVICE_CREDENTIALS_FILE: ${why}`, { cause });
  }
  try {
    const devices = new Map(exists(file) ? readCredentials(file) : []);
    await change(devices);
    const sorted = [...devices].sort(([a], [b]) => (a < b ? -1 : 1));
    writeFileSync(
      descriptor,
      `${JSON.stringify({ version: 1, devices: Object.fromEntries(sorted) }, null, 2)}\n`,
    );
    fsyncSync(descriptor);
    renameSync(draft, file);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

function exists(file: string): boolean {
  try {
    closeSync(openSync(file, 'r'));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new PipelineError('configuration', `DEVICE_CREDENTIALS_FILE: ${file} cannot be read`, {
      cause: error,
    });
  }
}
