import { existsSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { z } from 'zod';
import { isDeviceId } from '#contract/device-topic.ts';
import { assertNotWritableForAll, rewriteFile } from '#ingest-gateway/devices/rewrite-file.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { readText } from '#runtime/read-text.ts';

const VARIABLE = 'BANS_FILE';

const banSchema = z
  .strictObject({
    device: z.string().refine(isDeviceId, 'not a device id').optional(),
    /** An address, or a network as `192.0.2.0/24`. */
    address: z.string().refine(isNetwork, 'not an address or network').optional(),
    since: z.iso.datetime(),
    /** Missing = for ever. */
    until: z.iso.datetime().optional(),
    reason: z.string().max(200),
    /** `gateway`: it found the reason itself. */
    by: z.enum(['operator', 'gateway']),
  })
  .refine(
    (ban) => (ban.device === undefined) !== (ban.address === undefined),
    'expected a device or an address',
  );

export type Ban = Readonly<z.infer<typeof banSchema>>;

/** A list with more of them is not read: nobody may be able to make one by clients that flap. */
const MOST_BANS = 10_000;
const fileSchema = z.strictObject({ version: z.literal(1), bans: z.array(banSchema).max(MOST_BANS) });

/** Whether the text is an IP address, or one with the length of a prefix. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

/** Whom a ban is about. */
export function nameOf(ban: Ban): string {
  return ban.device ?? ban.address ?? '';
}

/** Whether the ban is over. */
export function isOver({ until }: Ban, now: number): boolean {
  return until !== undefined && Date.parse(until) <= now;
}

/** Those over included; none when there is no file. @throws PipelineError `configuration` when it cannot be used. */
export function readBans(file: string): readonly Ban[] {
  if (!existsSync(file)) return [];
  let content: unknown;
  try {
    assertNotWritableForAll(VARIABLE, file, statSync(file));
    content = JSON.parse(readText(file));
  } catch (cause) {
    if (cause instanceof PipelineError) throw cause;
    throw new PipelineError('configuration', `${VARIABLE}: ${file}: ${describeError(cause)}`, { cause });
  }
  const result = fileSchema.safeParse(content);
  if (result.success) return result.data.bans;
  const [issue] = result.error.issues;
  throw new PipelineError(
    'configuration',
    `${VARIABLE}: ${file} is no list of bans (npm run bans): ${issue?.path.join('.')} ${issue?.message}`,
  );
}

/**
 * Changes the list as a whole; bans that are over are left out.
 *
 * @throws PipelineError `configuration` when the file cannot be read or written; what `change` throws.
 */
export async function changeBans(
  file: string,
  now: number,
  change: (bans: readonly Ban[]) => readonly Ban[],
): Promise<void> {
  await rewriteFile(VARIABLE, file, async () => {
    const bans = change(readBans(file).filter((ban) => !isOver(ban, now)));
    if (bans.length > MOST_BANS)
      throw new PipelineError('configuration', `${VARIABLE}: ${file} has room for ${MOST_BANS} bans`);
    return `${JSON.stringify({ version: 1, bans }, null, 2)}\n`;
  });
}

/**
 * The list with the ban, instead of an older one of the same. What an operator said stands, whatever the gateway finds; and of
 * what it found the oldest makes room.
 */
export function withBan(bans: readonly Ban[], ban: Ban): readonly Ban[] {
  const before = bans.find((other) => nameOf(other) === nameOf(ban));
  if (ban.by === 'gateway' && before?.by === 'operator') return bans;
  const list = [...bans.filter((other) => nameOf(other) !== nameOf(ban)), ban];
  const oldestFound = list.length > MOST_BANS ? list.findIndex(({ by }) => by === 'gateway') : -1;
  return oldestFound < 0 ? list : list.toSpliced(oldestFound, 1);
}
