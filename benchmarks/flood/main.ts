import { once } from 'node:events';
import { Command } from 'commander';
import { type CommandOutcome, decimalNumber, runCommand, wholeNumber } from '#runtime/command-line.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { chooseSchemas } from '#simulator/choose-schemas.ts';
import { type FloodOptions, flood } from './flood.ts';

const { argv, env, stdin, stdout, stderr } = process;
const outcome: CommandOutcome = { code: 0 };
const program = new Command('flood')
  .description(
    'The load of the benchmark: packets encoded beforehand, raw sockets. Prints "ready", starts on any input, prints its result as JSON.',
  )
  .requiredOption('--port <n>', 'of the broker, on 127.0.0.1', wholeNumber(1, 65_535))
  .option('--devices <n>', 'connections', wholeNumber(1), 200)
  .option('--prefix <text>', 'of the device ids', 'flood')
  .option('--count <n>', 'messages of each device', wholeNumber(1), 1_000)
  .option('--batch <n>', 'readings of a message', wholeNumber(1, 500), 1)
  .option('--types <names>', 'device types, separated by commas; default: all')
  .option('--protocolVersion <n>', 'of MQTT: 4 (3.1.1) or 5', wholeNumber(4, 5), 4)
  .option('--small', 'readings with no more values than their schemas require', false)
  .option('--window <n>', 'messages of a device that may be unacknowledged', wholeNumber(1, 65_535), 50)
  .option('--rate <n>', 'messages a second of each device; 0 = as the window allows', decimalNumber(0), 0)
  .action(async ({ types, ...options }: Omit<FloodOptions, 'schemas'> & { readonly types?: string }) => {
    const schemas = chooseSchemas(loadSchemas(), types?.split(','));
    const result = await flood({ ...options, schemas }, async () => {
      stdout.write('ready\n');
      await once(stdin, 'data');
      stdin.destroy();
    });
    stdout.write(`${JSON.stringify(result)}\n`);
  });

const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
process.exitCode = await runCommand(program, io, outcome);
