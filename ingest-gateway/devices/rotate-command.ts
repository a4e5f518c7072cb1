import { type Command, Option } from 'commander';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, duration, printResult } from '#runtime/command-line.ts';
import { counted } from '#runtime/counted.ts';
import { PipelineError } from '#runtime/errors.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import { type Credential, hasPassword, type PasswordHash, passwordOf } from './credential.ts';
import { changeCredentials, credentialsFileOf, readCredentials } from './credentials-file.ts';
import { readDeviceList } from './import/device-list.ts';
import { readList } from './import/read-list.ts';
import { newPasswords, type PasswordWish } from './new-passwords.ts';
import { assertNoSecrets, secretLines, whereSecretsAre, withSecrets } from './secrets-file.ts';
import { withoutTerms } from './term-options.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const LONGEST_OVERLAP_MS = 90 * DAY_MS;

interface RotateOptions {
  readonly all?: true;
  readonly from?: string;
  readonly overlap: number;
  readonly secrets?: string;
  readonly file?: string;
  readonly json?: true;
}

/** `npm run devices -- rotate`: other passwords, without a moment in which a device has none that works. */
export function addRotateCommand(
  program: Command,
  io: Pick<CommandIo, 'env' | 'stdout' | 'stderr'>,
  { readStdin, now }: { readonly readStdin: () => Promise<string>; readonly now: () => number },
): void {
  addExamples(program.command('rotate'), 'truck-1 --overlap 7d', '--all --secrets new-passwords')
    .description(
      'Give devices other passwords. The ones before work, too, until --overlap is over: time to bring the new ones to the\n' +
        'devices. Limits, labels and what a device may forward stay. All or nothing.',
    )
    .argument('[device-id...]')
    .option('--all', 'every device that has a password')
    .option(
      '--from <file>',
      'a list as for `add`: id, and password or hash if they are not to be made; - = standard input',
    )
    .addOption(
      new Option('--overlap <time>', 'how long both work: 7d, 12h, 30m; 0 = the one before ends at once')
        .argParser(duration(LONGEST_OVERLAP_MS))
        .default(7 * DAY_MS, '7d'),
    )
    .option(
      '--secrets <file>',
      'write the passwords that are made into this new file, for its owner only, instead of printing them',
    )
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option(
      '--json',
      'one JSON object {"devices": {"<device id>": "<password>"}, "rotated": n, "until": time}',
    )
    .action(async (ids: string[], options: RotateOptions) => {
      const { secrets, overlap } = options;
      const file = credentialsFileOf(io.env, options.file);
      if (secrets !== undefined) assertNoSecrets(secrets);
      const wishes = await wishesOf(ids, options, readCredentials(file), readStdin);
      using progress = createProgressDisplay(io.stderr, options.json === true);
      const { hashes, made } = await newPasswords(wishes, (done, all) =>
        progress.show(`${done} of ${all} passwords hashed`, done / all),
      );
      const until = new Date(now() + overlap).toISOString();
      await withSecrets(secrets, made, () =>
        changeCredentials(file, async (devices) => {
          const problems = wishes.flatMap(({ id }) => whyNotRotated(id, devices.get(id)) ?? []);
          if (problems.length > 0) throw new PipelineError('usage', problems.join('\n'));
          for (const [id, hash] of hashes)
            devices.set(id, rotated(devices.get(id), hash, overlap > 0 ? until : undefined));
        }),
      );
      auditCommand(io, 'devices rotate', { devices: [...hashes.keys()], until });
      const shown = secrets === undefined ? { devices: Object.fromEntries(made) } : { secrets };
      const lines = secrets === undefined ? secretLines(made) : [];
      printResult(io, options.json, { ...shown, rotated: hashes.size, until }, lines);
      if (secrets !== undefined) io.stderr.write(`${whereSecretsAre(secrets, made)}\n`);
      io.stderr.write(
        `${counted(hashes.size, 'device')} got other passwords; those before ${overlap > 0 ? `work until ${until}` : 'do not work any more'}\n`,
      );
    });
}

async function wishesOf(
  ids: readonly string[],
  { all, from }: RotateOptions,
  devices: ReadonlyMap<string, Credential>,
  readStdin: () => Promise<string>,
): Promise<readonly PasswordWish[]> {
  const named = [ids.length > 0, all === true, from !== undefined].filter(Boolean).length;
  if (named !== 1) throw new PipelineError('usage', 'expected device ids, or --all, or --from');
  if (all) return [...devices].filter(([, entry]) => hasPassword(entry)).map(([id]) => ({ id }));
  const problems: string[] = [];
  let wishes: readonly (PasswordWish & { readonly place?: string; readonly terms?: object })[];
  if (from === undefined) wishes = [...new Set(ids)].map((id) => ({ id }));
  else {
    const list = readDeviceList(await readList(from, readStdin), {});
    problems.push(...list.problems.map((problem) => `${from}: ${problem}`));
    wishes = list.devices;
  }
  for (const { id, place, terms = {} } of wishes) {
    const why =
      whyNotRotated(id, devices.get(id)) ??
      (Object.keys(terms).length > 0 ? `${id}: only the password is changed here` : undefined);
    if (why !== undefined) problems.push(place === undefined ? why : `${from}: ${place}: ${why}`);
  }
  if (problems.length > 0) throw new PipelineError('usage', [...problems, 'nothing was changed'].join('\n'));
  return wishes;
}

function whyNotRotated(id: string, entry: Credential | undefined): string | undefined {
  if (entry === undefined) return `${id} is not in the file`;
  if (entry === 'revoked') return `${id} is revoked: \`add\` lets it in again`;
  return hasPassword(entry) ? undefined : `${id} has no password`;
}

/** @param until `undefined` = without an overlap */
function rotated(before: Credential | undefined, hash: PasswordHash, until: string | undefined): Credential {
  if (!hasPassword(before)) throw new Error('not judged');
  return {
    ...hash,
    ...withoutTerms(before, []).terms,
    ...(until !== undefined && { previous: { until, password: passwordOf(before) } }),
  };
}
