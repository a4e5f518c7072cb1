import { type Command, Option } from 'commander';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, printResult } from '#runtime/command-line.ts';
import { counted } from '#runtime/counted.ts';
import { PipelineError } from '#runtime/errors.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import { whyNotAddable } from './addable-id.ts';
import type { Credential } from './credential.ts';
import { changeCredentials, credentialsFileOf, credentialsIfAny } from './credentials-file.ts';
import { isGuessedFast } from './foreign-hash.ts';
import { HASH_KINDS, type HashKind, parseHashKind } from './import/broker-hash.ts';
import { type DeviceList, type NewDevice, readDeviceList } from './import/device-list.ts';
import { LIST_FORMATS, type ListFormat } from './import/device-rows.ts';
import { readList } from './import/read-list.ts';
import { type NewPasswords, newPasswords } from './new-passwords.ts';
import { whyNotPassword } from './password-hash.ts';
import { assertNoSecrets, secretLines, whereSecretsAre, withSecrets } from './secrets-file.ts';
import { addTermOptions, mergedTerms, type TermOptions, termsOf, termsOnTopOf } from './term-options.ts';

type Io = Pick<CommandIo, 'env' | 'stdout' | 'stderr'>;

interface AddOptions extends TermOptions {
  readonly file?: string;
  readonly json?: true;
  readonly from?: string;
  readonly format?: ListFormat;
  readonly hashes?: string;
  readonly replace?: true;
  readonly skipBad?: true;
  readonly dryRun?: true;
  readonly secrets?: string;
  readonly passwordStdin?: true;
  readonly withoutPassword?: true;
}

/** `npm run devices -- add`: a few devices by name, or thousands from a list. */
export function addAddCommand(
  program: Command,
  io: Io,
  readStdin: () => Promise<string>,
  outcome: CommandOutcome,
): void {
  addTermOptions(
    addExamples(
      program.command('add'),
      'truck-1 truck-2 --label site=north',
      '--from fleet.csv --secrets fleet-passwords',
    )
      .description(
        'Let devices in, also revoked ones, or give them new passwords. Prints "<device id> <password>" for each password that\n' +
          'was made: device id = MQTT client id = user name. docs/devices.md explains lists, and those of other brokers.',
      )
      .argument('[device-id...]', '1–64 of A-Z a-z 0-9 . _ : -')
      .option(
        '--from <file>',
        'a list instead: CSV with a head (id, password or hash, limits.…, labels.…), JSON lines, Mosquitto’s or EMQX’s; - = standard input',
      )
      .addOption(
        new Option('--format <format>', 'of the list (default: seen from its content)').choices(LIST_FORMATS),
      )
      .option('--hashes <kind>', `how hashes in hex were made: ${HASH_KINDS}`)
      .option(
        '--replace',
        'devices of the list that are in the file already get other passwords, and what the list says',
      )
      .option(
        '--skip-bad',
        'add the good lines of the list, and exit 1; without, one bad line leaves all as it is',
      )
      .option('--dry-run', 'only say what is wrong with the list')
      .option(
        '--secrets <file>',
        'write the passwords that are made into this new file, for its owner only, instead of printing them',
      )
      .option(
        '--password-stdin',
        'read the password of a single device from standard input instead of making one',
      )
      .option('--without-password', 'for devices that show a certificate: only describe them'),
  )
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option('--json', 'one JSON object {"devices": {"<device id>": "<password>"}, "added": n}')
    .action(async (ids: string[], options: AddOptions) => {
      const file = credentialsFileOf(io.env, options.file);
      if (options.secrets !== undefined) assertNoSecrets(options.secrets);
      const list = await listOf(ids, options, readStdin);
      const { from, replace, skipBad, dryRun } = options;
      const isBulk = from !== undefined;
      const existing = credentialsIfAny(file);
      const isRefused = ({ id }: NewDevice, now: ReadonlyMap<string, Credential>): boolean =>
        isBulk && !replace && now.has(id);
      const problems = [...list.problems];
      for (const device of list.devices)
        if (isRefused(device, existing))
          problems.push(`${device.place}: ${device.id} is in ${file} already (--replace)`);
      const good = list.devices.filter((device) => !isRefused(device, existing));
      if (problems.length > 0 && !skipBad)
        throw new PipelineError('usage', [...problems, `${from}: nothing was changed`].join('\n'));
      for (const problem of problems) tell(io, problem);
      if (problems.length > 0) outcome.code = 1;
      if (dryRun) {
        printResult(io, options.json, { good: good.length, bad: problems.length }, [
          `${counted(good.length, 'device')} would be added`,
        ]);
        return;
      }
      const passwords = await prepared(good, options, io);
      const { secrets } = options;
      await withSecrets(secrets, passwords.made, () =>
        changeCredentials(file, async (devices) => {
          const late = good.filter((device) => isRefused(device, devices)).map(({ id }) => id);
          if (late.length > 0)
            throw new PipelineError('usage', `added by somebody else meanwhile: ${late.join(', ')}`);
          const wrong: string[] = [];
          for (const { id, place, terms } of good) {
            const judged = termsOnTopOf(devices.get(id), terms);
            if (typeof judged === 'string') wrong.push(`${place}: ${judged}`);
            else devices.set(id, { ...(passwords.hashes.get(id) ?? { algorithm: 'none' }), ...judged });
          }
          if (wrong.length > 0)
            throw new PipelineError('usage', [...wrong, 'nothing was changed'].join('\n'));
        }),
      );
      auditCommand(io, 'devices add', { devices: good.map(({ id }) => id), from });
      tellAll(good, passwords, options, io);
      const known = good
        .map(({ id }) => id)
        .filter((id) => existing.has(id) && existing.get(id) !== 'revoked');
      if (!isBulk && known.length > 0)
        tell(
          io,
          `in the file already, now with other passwords (rotate lets both work for a time): ${known.join(', ')}`,
        );
    });
}

async function listOf(
  ids: readonly string[],
  options: AddOptions,
  readStdin: () => Promise<string>,
): Promise<DeviceList> {
  const { from, format, passwordStdin, withoutPassword } = options;
  const wrong = (what: string): PipelineError => new PipelineError('usage', what);
  const terms = termsOf(options);
  if (options.maxDevices !== undefined && options.forwards === undefined)
    throw wrong('--max-devices: expected --forwards, too');
  if (from !== undefined) {
    if (ids.length > 0) throw wrong('--from: expected no device ids beside it');
    if (passwordStdin || withoutPassword)
      throw wrong('--from: the list says how its devices prove themselves');
    const text = await readList(from, readStdin);
    const { devices, problems } = readDeviceList(text, { format, hashes: hashKind(options) });
    return {
      problems: problems.map((problem) => `${from}: ${problem}`),
      devices: devices.map((it) => ({
        ...it,
        place: `${from}: ${it.place}`,
        terms: mergedTerms(terms, it.terms),
      })),
    };
  }
  if (ids.length === 0) throw wrong('expected device ids, or --from');
  const ofLists = Object.entries({
    '--format': format,
    '--hashes': options.hashes,
    '--replace': options.replace,
    '--skip-bad': options.skipBad,
  }).filter(([, given]) => given !== undefined);
  if (ofLists.length > 0)
    throw wrong(`${ofLists.map(([flag]) => flag).join(', ')}: expected together with --from`);
  const problems = ids.map(whyNotAddable).filter((why) => why !== undefined);
  if (problems.length > 0) throw wrong(problems.join('\n'));
  if (passwordStdin && ids.length !== 1) throw wrong('--password-stdin: expected a single device');
  const chosen = passwordStdin ? (await readStdin()).replace(/\r?\n$/, '') : undefined;
  const why = chosen === undefined ? undefined : whyNotPassword(chosen);
  if (why !== undefined) throw wrong(`--password-stdin: ${why}`);
  return { problems: [], devices: [...new Set(ids)].map((id) => ({ place: id, id, chosen, terms })) };
}

function hashKind({ hashes }: AddOptions): HashKind | undefined {
  if (hashes === undefined) return undefined;
  const kind = parseHashKind(hashes);
  if (typeof kind === 'string') throw new PipelineError('usage', `--hashes: ${kind}`);
  return kind;
}

async function prepared(
  devices: readonly NewDevice[],
  { withoutPassword, json }: AddOptions,
  io: Io,
): Promise<NewPasswords> {
  if (withoutPassword) return { hashes: new Map(), made: new Map() };
  using progress = createProgressDisplay(io.stderr, json === true);
  return newPasswords(devices, (done, all) =>
    progress.show(`${done} of ${all} passwords hashed`, done / all),
  );
}

function tellAll(
  devices: readonly NewDevice[],
  { hashes, made }: NewPasswords,
  options: AddOptions,
  io: Io,
): void {
  const { secrets, from } = options;
  const count = devices.length;
  const shown = secrets === undefined ? Object.fromEntries(made) : undefined;
  const lines = devices
    .filter(({ id }) => from === undefined && !made.has(id))
    .map(({ id }) => `${id} ${hashes.has(id) ? '(as given)' : '(no password)'}`);
  if (secrets === undefined) lines.unshift(...secretLines(made));
  printResult(io, options.json, { ...(shown ? { devices: shown } : { secrets }), added: count }, lines);
  if (secrets !== undefined) tell(io, whereSecretsAre(secrets, made));
  if (from !== undefined) tell(io, `${counted(count, 'device')} added`);
  const weak = devices.filter(({ hash }) => hash !== undefined && isGuessedFast(hash)).length;
  if (weak > 0)
    tell(
      io,
      `${counted(weak, 'hash', 'hashes')} of these ${weak === 1 ? 'is' : 'are'} guessed fast by whoever gets hold of the file: give other passwords in time (devices rotate)`,
    );
}

/** For a person in any case. */
function tell({ stderr }: Io, line: string): void {
  stderr.write(`${line}\n`);
}
