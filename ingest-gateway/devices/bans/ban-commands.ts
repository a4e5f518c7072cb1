import { isIP } from 'node:net';
import { Command } from 'commander';
import { isDeviceId } from '#contract/device-topic.ts';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, decimalNumber, printResult } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type Ban, changeBans, isNetwork, isOver, nameOf, readBans, withBan } from './bans-file.ts';

interface Options {
  readonly file?: string;
  readonly json?: true;
}

const HOUR_MS = 3_600_000;
/** A hundred years. */
const LONGEST_HOURS = 876_000;

/** `npm run bans`: whom every running gateway that reads the file keeps out. */
export function banCommands(
  io: Pick<CommandIo, 'env' | 'stdout' | 'stderr'>,
  { defaultFile, now }: { readonly defaultFile: string; readonly now: () => number },
): Command {
  const program = new Command('bans').description(
    'Devices and addresses that are kept out, in BANS_FILE. A running gateway notices changes within a second or two,\n' +
      'and disconnects who is connected. It bans devices by itself that connect over and over.',
  );
  const fileOf = ({ file = io.env['BANS_FILE'] || defaultFile }: Options): string => file;

  addExamples(program.command('add'), 'truck-1 --hours 24 --reason "sends rubbish"', '--address 192.0.2.0/24')
    .description('Keep devices or addresses out')
    .argument('<who...>', 'device ids; addresses or networks (192.0.2.7, 192.0.2.0/24) with --address')
    .option('--address', 'these are addresses or networks, not devices')
    .option('--hours <hours>', 'for so long; without, for ever', decimalNumber(0.01, LONGEST_HOURS))
    .option('--reason <text>', 'for whoever reads the list', 'by hand')
    .option('--file <file>', 'instead of BANS_FILE')
    .option('--json', 'one JSON object {"bans": [the new ones]}')
    .action(
      async (
        who: string[],
        options: Options & { address?: true; hours?: number; reason: string },
      ): Promise<void> => {
        const isRight = options.address ? isNetwork : isDeviceId;
        const wrong = who.filter((name) => !isRight(name));
        if (wrong.length > 0)
          throw new PipelineError(
            'usage',
            `not ${options.address ? 'an address or network' : 'a device id'}: ${wrong.map((name) => JSON.stringify(name)).join(', ')}`,
          );
        const added = who.map(
          (name): Ban => ({
            ...(options.address ? { address: name } : { device: name }),
            since: new Date(now()).toISOString(),
            ...(options.hours !== undefined && {
              until: new Date(now() + options.hours * HOUR_MS).toISOString(),
            }),
            reason: options.reason.slice(0, 200),
            by: 'operator',
          }),
        );
        await changeBans(fileOf(options), now(), (bans) => added.reduce(withBan, bans));
        auditCommand(io, 'bans add', { bans: added });
        const addresses = options.address ? [] : who.filter((name) => isIP(name) !== 0);
        if (addresses.length > 0)
          io.stderr.write(
            `These are devices of that name, addresses are banned with --address: ${addresses.join(', ')}\n`,
          );
        printResult(io, options.json, { bans: added }, added.map(lineOf));
      },
    );

  addExamples(program.command('remove'), 'truck-1')
    .description('Let them in again. Fails, without a change, when one is not on the list.')
    .argument('<who...>', 'as `list` shows them')
    .option('--file <file>', 'instead of BANS_FILE')
    .option('--json', 'one JSON object {"removed": […]}')
    .action(async (who: string[], options: Options) => {
      await changeBans(fileOf(options), now(), (bans) => {
        const missing = who.filter((name) => !bans.some((ban) => nameOf(ban) === name));
        if (missing.length > 0) throw new PipelineError('usage', `not banned: ${missing.join(', ')}`);
        return bans.filter((ban) => !who.includes(nameOf(ban)));
      });
      auditCommand(io, 'bans remove', { removed: who });
      printResult(
        io,
        options.json,
        { removed: who },
        who.map((name) => `${name} may come in again`),
      );
    });

  addExamples(program.command('list'), '--json')
    .description('The bans in force')
    .option('--file <file>', 'instead of BANS_FILE')
    .option('--json', 'one JSON object {"bans": […]}')
    .action((options: Options) => {
      const bans = readBans(fileOf(options)).filter((ban) => !isOver(ban, now()));
      printResult(io, options.json, { bans }, bans.length === 0 ? ['nobody is banned'] : bans.map(lineOf));
    });
  return program;
}

function lineOf(ban: Ban): string {
  const kind = ban.device === undefined ? 'address' : 'device';
  return `${kind} ${nameOf(ban)}  ${ban.until === undefined ? 'for ever' : `until ${ban.until}`}  ${JSON.stringify(ban.reason)}, by ${ban.by}`;
}
