import path from 'node:path';
import { runCommand } from '#runtime/command-line.ts';
import { banCommands } from './ban-commands.ts';

const { argv, env, stdout, stderr } = process;
const io = { argv: argv.slice(2), env, stdout, stderr, signal: new AbortController().signal };
process.exitCode = await runCommand(
  banCommands(io, { defaultFile: path.join(env['DATA_DIR'] || './data', 'bans.json'), now: Date.now }),
  io,
  { code: 0 },
);
