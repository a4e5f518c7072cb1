import { text } from 'node:stream/consumers';
import { runCommand } from '#runtime/command-line.ts';
import { deviceCommands } from './device-commands.ts';

const { argv, env, stdin, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
process.exitCode = await runCommand(
  deviceCommands(io, () => text(stdin)),
  io,
  { code: 0 },
);
