import { Command } from 'commander';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, type CommandOutcome, printResult } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import { addAddCommand } from './add-command.ts';
import { hasPassword, inForceAt } from './credential.ts';
import { changeCredentials, credentialsFileOf, readCredentials } from './credentials-file.ts';
import { isReadableForAll } from './rewrite-file.ts';
import { addRotateCommand } from './rotate-command.ts';
import { addSetCommand } from './set-command.ts';
import { addStatusCommand } from './status-command.ts';

interface FileOptions {
  readonly file?: string;
  readonly json?: true;
}

/** `npm run devices`: who may connect. Passwords are shown once, when they are made; the file keeps only their hashes. */
export function deviceCommands(
  io: Pick<CommandIo, 'env' | 'stdout' | 'stderr'>,
  readStdin: () => Promise<string>,
  outcome: CommandOutcome,
  now: () => number,
): Command {
  const program = new Command('devices').description(
    'Devices that may connect, in DEVICE_CREDENTIALS_FILE. A running gateway notices changes within a second or two;\n' +
      'a revoked device is disconnected.',
  );
  program.hook('postAction', (_, command) => {
    const file = command.opts<FileOptions>().file ?? io.env['DEVICE_CREDENTIALS_FILE'];
    if (file && isReadableForAll(file))
      io.stderr.write(`everybody on this machine may read ${file}: chmod o-r ${file}\n`);
  });
  addAddCommand(program, io, readStdin, outcome);
  addRotateCommand(program, io, { readStdin, now });
  addSetCommand(program, io, readStdin);

  addExamples(program.command('revoke'), 'truck-2')
    .description(
      'Lock devices out, whatever they show; connected ones are disconnected. They stay in the file as revoked, so that they\n' +
        'cannot come back without a password. Fails, without a change, when one is not there.',
    )
    .argument('<device-id...>')
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option('--json', 'one JSON object {"revoked": […]}')
    .action(async (named: string[], options: FileOptions) => {
      const ids = [...new Set(named)];
      await changeCredentials(credentialsFileOf(io.env, options.file), async (devices) => {
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

  addExamples(program.command('list'), '--json')
    .description('Devices that may connect, and those that were revoked')
    .option('--file <file>', 'instead of DEVICE_CREDENTIALS_FILE')
    .option('--json', 'one JSON object {"devices": […], "revoked": […], "overlaps": {"<device id>": until}}')
    .action((options: FileOptions) => {
      const devices: string[] = [];
      const revoked: string[] = [];
      const overlaps = new Map<string, string>();
      for (const [id, credential] of readCredentials(credentialsFileOf(io.env, options.file))) {
        (credential === 'revoked' ? revoked : devices).push(id);
        const { previous } = hasPassword(credential) ? inForceAt(credential, now()) : {};
        if (previous !== undefined) overlaps.set(id, previous.until);
      }
      const overlapOf = (id: string): string =>
        overlaps.has(id) ? ` (former password works until ${overlaps.get(id)})` : '';
      printResult(io, options.json, { devices, revoked, overlaps: Object.fromEntries(overlaps) }, [
        ...devices.map((id) => `${id}${overlapOf(id)}`),
        ...revoked.map((id) => `${id} (revoked)`),
      ]);
    });
  addStatusCommand(program, io, now);
  return program;
}
