import type { Command } from 'commander';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, printResult } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { Credential } from './credential.ts';
import { changeCredentials, credentialsFileOf, readCredentials } from './credentials-file.ts';
import type { DeviceTerms } from './device-terms.ts';
import { readDeviceList } from './import/device-list.ts';
import { readList } from './import/read-list.ts';
import {
  addTermOptions,
  judgedTerms,
  mergedTerms,
  type TermOptions,
  termsOf,
  withoutTerms,
} from './term-options.ts';

interface SetOptions extends TermOptions {
  readonly all?: true;
  readonly from?: string;
  readonly remove?: string[];
  readonly file?: string;
  readonly json?: true;
}

/** What becomes of the terms of one device. */
interface Change {
  readonly id: string;
  /** Where somebody asked for it. */
  readonly place: string;
  readonly terms: DeviceTerms;
}

/** `npm run devices -- set`: labels, limits and the like, while the password stays. */
export function addSetCommand(
  program: Command,
  io: Pick<CommandIo, 'env' | 'stdout' | 'stderr'>,
  readStdin: () => Promise<string>,
): void {
  addTermOptions(
    addExamples(
      program.command('set'),
      'truck-1 --label site=south --messages-per-second 50',
      '--all --remove labels.line limits.burst',
    )
      .description(
        'Change what is said of devices besides their passwords, which stay: labels, limits, what they may forward, when they\n' +
          'are silent. What is not named stays, too. All or nothing; a running gateway goes by it from the next message on.',
      )
      .argument('[device-id...]')
      .option('--all', 'every device of the file that is not revoked')
      .option('--from <file>', 'a list as for `add`, without passwords and hashes; - = standard input')
      .option(
        '--remove <what...>',
        'take away first: labels, labels.site, limits, limits.burst, forwards, maxDevices, silentAfterSeconds',
      ),
  )
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option('--json', 'one JSON object {"changed": […]}')
    .action(async (ids: string[], options: SetOptions) => {
      const file = credentialsFileOf(io.env, options.file);
      const { remove = [], from } = options;
      const all = termsOf(options);
      const changes = await changesOf(ids, options, readCredentials(file), readStdin);
      if (from === undefined && remove.length === 0 && Object.keys(all).length === 0)
        throw new PipelineError('usage', 'expected something to set (--label, --burst, …) or to --remove');
      await changeCredentials(file, async (devices) => {
        const problems: string[] = [];
        for (const { id, place, terms } of changes) {
          const changed = withTerms(devices.get(id), mergedTerms(all, terms), remove);
          if (typeof changed === 'string') problems.push(`${place}: ${changed}`);
          else devices.set(id, changed.credential);
        }
        if (problems.length > 0)
          throw new PipelineError('usage', [...problems, 'nothing was changed'].join('\n'));
      });
      const changed = changes.map(({ id }) => id);
      auditCommand(io, 'devices set', { devices: changed });
      printResult(
        io,
        options.json,
        { changed },
        changed.map((id) => `${id} changed`),
      );
    });
}

async function changesOf(
  ids: readonly string[],
  { all, from }: SetOptions,
  devices: ReadonlyMap<string, Credential>,
  readStdin: () => Promise<string>,
): Promise<readonly Change[]> {
  if ([ids.length > 0, all === true, from !== undefined].filter(Boolean).length !== 1)
    throw new PipelineError('usage', 'expected device ids, or --all, or --from');
  const named = all ? [...devices].filter(([, entry]) => entry !== 'revoked').map(([id]) => id) : ids;
  if (from === undefined) return [...new Set(named)].map((id) => ({ id, place: id, terms: {} }));
  const list = readDeviceList(await readList(from, readStdin), {});
  const problems = list.problems.map((problem) => `${from}: ${problem}`);
  for (const { place, id, chosen, hash } of list.devices)
    if (chosen !== undefined || hash !== undefined)
      problems.push(`${from}: ${place}: ${id} comes with a password (add --replace, or rotate)`);
  if (problems.length > 0) throw new PipelineError('usage', [...problems, 'nothing was changed'].join('\n'));
  return list.devices.map(({ id, place, terms }) => ({ id, place: `${from}: ${place}`, terms }));
}

/** The entry with other terms, or why there is none. */
function withTerms(
  entry: Credential | undefined,
  terms: DeviceTerms,
  remove: readonly string[],
): { readonly credential: Credential } | string {
  if (entry === undefined) return 'is not in the file';
  if (entry === 'revoked') return 'is revoked: `add` lets it in again';
  const kept = withoutTerms(entry, remove);
  const judged = judgedTerms(mergedTerms(kept.terms, terms));
  return typeof judged === 'string' ? judged : { credential: { ...kept.rest, ...judged } as Credential };
}
