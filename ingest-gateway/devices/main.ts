import { type CommandOutcome, runCommand } from '#runtime/command-line.ts';
import { readStdinText } from '#runtime/read-text.ts';
import { deviceCommands } from './device-commands.ts';

const { argv, env, stdin, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
const outcome: CommandOutcome = { code: 0 };
process.exitCode = await runCommand(
  deviceCommands(io, () => readStdinText(stdin), outcome, Date.now),
  io,
  outcome,
);
