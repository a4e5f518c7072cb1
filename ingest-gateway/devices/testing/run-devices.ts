import { Writable } from 'node:stream';
import { deviceCommands } from '#ingest-gateway/devices/device-commands.ts';
import { type CommandOutcome, runCommand } from '#runtime/command-line.ts';

/** For tests: `npm run devices -- …argv`, and what it said. */
export async function runDevices(
  argv: readonly string[],
  { stdin = '', env = {} as Readonly<Record<string, string>>, now = Date.now } = {},
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const [stdout, stderr] = [collector(out), collector(err)];
  const io = { argv, env, stdout, stderr, signal: new AbortController().signal };
  const outcome: CommandOutcome = { code: 0 };
  const code = await runCommand(
    deviceCommands(io, async () => stdin, outcome, now),
    io,
    outcome,
  );
  return { code, out: out.join(''), err: err.join('') };
}

const collector = (chunks: string[]): Writable =>
  new Writable({
    write(chunk, _encoding, done) {
      chunks.push(String(chunk));
      done();
    },
  });
