import { Command, InvalidArgumentError } from 'commander';
import { MESSAGE_LIMIT_RANGES } from '#contract/limits.ts';
import { addExamples, addParagraphs } from '#runtime/command-help.ts';
import {
  type CommandIo,
  type CommandOutcome,
  decimalNumber,
  runCommand,
  wholeNumber,
} from '#runtime/command-line.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { FLEET_VERSIONS, type FleetVersion } from './protocol.ts';
import { SCENARIOS } from './scenarios.ts';
import {
  type PipelineAccess,
  type SimulateRequest,
  simulate,
  type VerificationRequest,
  verifyLater,
} from './simulate.ts';

const VERIFY_TIMEOUT_SECONDS = 60;
const EXPLANATION = `
Without --rate devices send a message a second; with --count and no --rate they send as fast as acknowledgements
allow (at most 100 messages of a device are unacknowledged, and a device measures at most once a millisecond).
Without --count and --duration the run lasts until Ctrl-C. What was not acknowledged when a connection broke is sent
again; a run with an end gives up after 60 s without any acknowledgement.

Everything but the times follows from --seed. Devices are named sim-<seed>-<number>, or as --credentials says: a file
with a line "DEVICE-ID PASSWORD" for each. One type of reading per device, in turn.

--verify looks for every acknowledged reading in the store and in the dead letters, through the same environment as
the pipeline (DATA_DIR, or KAFKA_BROKERS and INFLUX_URL, …), until the books close, or until nothing more was found
for --verify-timeout seconds; then it lists what is missing.

With MQTT 5 each acknowledgement must carry the reason code that is right for what was sent.

Exit code 1: something is missing, or answered wrongly, or the run was given up.`;

/** `npm run simulate`: see `--help`. Resolves with the exit code. */
export function simulateCommand(io: CommandIo, access: PipelineAccess): Promise<number> {
  const outcome: CommandOutcome = { code: 0 };
  const share = decimalNumber(0, 1);
  const program = new Command('simulate')
    .description('Devices that publish readings over MQTT, misbehave on purpose, and keep a ledger of it.')
    .enablePositionalOptions()
    .option('--url <url>', 'gateway; repeat it for several (default: MQTT_HOST, MQTT_PORT)', collect)
    .option('--credentials <file>', 'passwords of the devices')
    .option('--devices <n>', 'how many (default: 10)', wholeNumber(1, 100_000))
    .option('--rate <n>', 'messages a second of each device, or "max"', rate)
    .option('--count <n>', 'messages of each device', wholeNumber(1))
    .option('--duration <seconds>', 'how long to send', decimalNumber(0.001, 1e9))
    .option(
      '--batch <n>',
      'readings in a message (default: 1)',
      wholeNumber(1, MESSAGE_LIMIT_RANGES.readingsPerMessage.max),
    )
    .option('--qos <n>', 'MQTT quality of service; 0 promises nothing (default: 1)', wholeNumber(0, 2))
    .option(
      '--mqtt-version <version>',
      'what the devices speak: 3.1.1, 5, or mixed (default: 3.1.1); with 5 the gateway’s reason codes are checked',
      mqttVersion,
    )
    .option('--types <names>', 'types of readings, separated by commas (default: all)', list)
    .option(
      '--burst-factor <n>',
      'the rate within a burst is so many times higher (default: 1)',
      decimalNumber(1, 1e6),
    )
    .option('--burst-every <seconds>', 'from burst to burst (default: 30)', decimalNumber(0.001, 1e9))
    .option('--burst-length <seconds>', 'how long a burst lasts (default: 5)', decimalNumber(0.001, 1e9))
    .option('--malformed <share>', 'share of readings that are malformed (default: 0)', share)
    .option('--late <share>', 'share of messages with readings from days ago (default: 0)', share)
    .option('--duplicate <share>', 'share of messages that are sent twice (default: 0)', share)
    .option(
      '--disconnect <share>',
      'share of devices whose connection breaks now and then (default: 0)',
      share,
    )
    .option('--seed <n>', 'makes the run repeatable (default: drawn)', wholeNumber(0, 2 ** 32 - 1))
    .option('--scenario <name>', 'a set of the options above; those that are given count before it')
    .option('--list-scenarios', 'list the scenarios')
    .option('--ledger <file>', 'write down what was sent and acknowledged (a new file)')
    .option('--verify', 'afterwards, wait until the books close');
  addExamples(
    addParagraphs(program, EXPLANATION),
    '--devices 100 --count 100 --verify',
    '--scenario rush-hour --duration 600',
    '--rate 10 --malformed 0.01 --ledger run.ledger',
  );
  withVerifyOptions(program).action(async (request: SimulateRequest & { listScenarios?: boolean }) => {
    if (request.listScenarios === true) listScenarios(io, request.json === true);
    else outcome.code = await simulate(request, io, access);
  });
  withVerifyOptions(addExamples(program.command('verify'), '--ledger run.ledger'))
    .description('Verifies a ledger that an earlier run wrote.')
    .requiredOption('--ledger <file>', 'the ledger')
    .action(async (request: VerificationRequest & { ledger: string }) => {
      outcome.code = await verifyLater(request, io, access);
    });
  return runCommand(program, io, outcome);
}

function withVerifyOptions(command: Command): Command {
  return command
    .option(
      '--verify-timeout <seconds>',
      'give up when nothing more was found for so long',
      decimalNumber(0, 1e9),
      VERIFY_TIMEOUT_SECONDS,
    )
    .option('--json', 'print the result as one line of JSON');
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

function list(value: string): readonly string[] {
  return value.split(',').map((name) => name.trim());
}

function mqttVersion(text: string): FleetVersion {
  const version = FLEET_VERSIONS.find((known) => known === (text === '4' ? '3.1.1' : text));
  if (version !== undefined) return version;
  throw new InvalidArgumentError(`expected one of ${FLEET_VERSIONS.join(', ')}`);
}

function rate(text: string): number | 'max' {
  if (text === 'max') return text;
  const value = decimalNumber(0, 1e6)(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('expected a number above 0, or "max"');
}

function listScenarios(io: CommandIo, json: boolean): void {
  if (json) io.stdout.write(`${terminalJson(Object.fromEntries(SCENARIOS))}\n`);
  for (const [name, { description, behaviour }] of json ? [] : SCENARIOS) {
    const flags = Object.entries(behaviour).map(
      ([key, value]) => `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} ${value}`,
    );
    io.stdout.write(`${name}\n    ${description}\n    ${flags.join(' ')}\n`);
  }
}
