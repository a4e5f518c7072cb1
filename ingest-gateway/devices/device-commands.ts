import { Command } from 'commander';
import { isDeviceId } from '#contract/device-topic.ts';
import { LIMITS } from '#contract/limits.ts';
import { isTopicFilter } from '#contract/topic-filter.ts';
import { auditCommand } from '#runtime/audit-log.ts';
import { type CommandIo, printResult, wholeNumber } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { PasswordHash } from './credential.ts';
import { changeCredentials, readCredentials } from './credentials-file.ts';
import { generatePassword, hashPassword } from './password-hash.ts';
import { addStatusCommand } from './status-command.ts';

/** Of a password that a person chose: what can be guessed in a few thousand tries is none. */
const SHORTEST_PASSWORD = 8;

interface Options {
  readonly file?: string;
  readonly json?: true;
}

interface AddOptions {
  readonly passwordStdin?: true;
  readonly forwards?: string[];
  readonly maxDevices?: number;
}

/** `npm run devices`: who may connect. Passwords are shown once, when they are made; the file keeps only their hashes. */
export function deviceCommands(
  io: Pick<CommandIo, 'env' | 'stdout' | 'stderr'>,
  readStdin: () => Promise<string>,
): Command {
  const program = new Command('devices').description(
    'Devices that may connect, in DEVICE_CREDENTIALS_FILE. A running gateway notices changes within a second or two;\n' +
      'a revoked device is disconnected.',
  );
  const fileOf = ({ file = io.env['DEVICE_CREDENTIALS_FILE'] }: Options): string => {
    if (file) return file;
    throw new PipelineError(
      'configuration',
      'DEVICE_CREDENTIALS_FILE: expected a file, in the environment or as --file',
    );
  };

  program
    .command('add')
    .description(
      'Let devices in, also revoked ones, or give them new passwords. Prints "<device id> <password>" for each: device id = MQTT client id = user name.',
    )
    .argument('<device-id...>', '1–64 of A-Z a-z 0-9 . _ : -')
    .option(
      '--password-stdin',
      'read the password of a single device from standard input instead of making one',
    )
    .option(
      '--forwards <filter...>',
      'topic filters that a bridge or gateway box may publish to for others, beside its own topic',
    )
    .option(
      '--max-devices <n>',
      `how many devices such a client may name (default ${LIMITS.forwardedDevices}); readings of others are dead letters`,
      wholeNumber(1),
    )
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option('--json', 'one JSON object {"devices": {"<device id>": "<password>"}}')
    .action(async (ids: string[], options: Options & AddOptions) => {
      const wrong = ids.filter((id) => !isDeviceId(id));
      if (wrong.length > 0)
        throw new PipelineError(
          'usage',
          `not a device id: ${wrong.map((id) => JSON.stringify(id)).join(', ')}`,
        );
      const noFilters = options.forwards?.filter((filter) => !isTopicFilter(filter)) ?? [];
      if (noFilters.length > 0)
        throw new PipelineError(
          'usage',
          `--forwards: not a topic filter: ${noFilters.map((filter) => JSON.stringify(filter)).join(', ')}`,
        );
      if (options.maxDevices !== undefined && options.forwards === undefined)
        throw new PipelineError('usage', '--max-devices: expected --forwards, too');
      if (options.passwordStdin && ids.length !== 1)
        throw new PipelineError('usage', '--password-stdin: expected a single device');
      const chosen = options.passwordStdin ? (await readStdin()).replace(/\r?\n$/, '') : undefined;
      if (chosen !== undefined && [...chosen].length < SHORTEST_PASSWORD)
        throw new PipelineError(
          'usage',
          `--password-stdin: expected a password of at least ${SHORTEST_PASSWORD} characters`,
        );
      const passwords = new Map<string, string>();
      await changeCredentials(fileOf(options), async (devices) => {
        for (const id of new Set(ids)) {
          const { password, hash } = await newPassword(chosen);
          const { forwards, maxDevices } = options;
          devices.set(id, { ...hash, ...(forwards && { forwards }), ...(maxDevices && { maxDevices }) });
          passwords.set(id, password);
        }
      });
      auditCommand(io, 'devices add', { devices: [...passwords.keys()], forwards: options.forwards });
      printResult(
        io,
        options.json,
        { devices: Object.fromEntries(passwords) },
        Array.from(passwords, ([id, password]) => `${id} ${chosen === undefined ? password : '(as given)'}`),
      );
    });

  program
    .command('revoke')
    .description(
      'Lock devices out, whatever they show; connected ones are disconnected. They stay in the file as revoked, so that they\n' +
        'cannot come back without a password. Fails, without a change, when one is not there.',
    )
    .argument('<device-id...>')
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option('--json', 'one JSON object {"revoked": […]}')
    .action(async (ids: string[], options: Options) => {
      await changeCredentials(fileOf(options), async (devices) => {
        const missing = ids.filter((id) => !devices.has(id));
        if (missing.length > 0)
          throw new PipelineError(
            'usage',
            `not in the file: ${missing.join(', ')} (to keep out a device that comes without a password: add it, then revoke it)`,
          );
        for (const id of ids) devices.set(id, 'revoked');
      });
      auditCommand(io, 'devices revoke', { devices: ids });
      printResult(
        io,
        options.json,
        { revoked: ids },
        ids.map((id) => `${id} revoked`),
      );
    });

  program
    .command('list')
    .description('Devices that may connect, and those that were revoked')
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option('--json', 'one JSON object {"devices": […], "revoked": […]}')
    .action((options: Options) => {
      const devices: string[] = [];
      const revoked: string[] = [];
      for (const [id, credential] of readCredentials(fileOf(options)))
        (credential === 'revoked' ? revoked : devices).push(id);
      printResult(io, options.json, { devices, revoked }, [
        ...devices,
        ...revoked.map((id) => `${id} (revoked)`),
      ]);
    });
  addStatusCommand(program, io);
  return program;
}

async function newPassword(
  chosen: string | undefined,
): Promise<{ readonly password: string; readonly hash: PasswordHash }> {
  if (chosen === undefined) return generatePassword();
  return { password: chosen, hash: await hashPassword(Buffer.from(chosen)) };
}
