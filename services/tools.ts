import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that a service needs on the machine. */
export interface Tool {
  readonly command: string;
  readonly purpose: string;
  /** How to get it, in the words of the user's shell. */
  readonly install: string;
}

/** Throws one error that lists every missing program and how to install it. */
export async function requireTools(
  tools: readonly Tool[],
  isInstalled: (command: string) => Promise<boolean> = isOnPath,
): Promise<void> {
  const missing: string[] = [];
  for (const { command, purpose, install } of tools) {
    if (!(await isInstalled(command))) missing.push(`  ${command} (${purpose}): ${install}`);
  }
  if (missing.length > 0) throw new Error(`Missing on this machine:\n${missing.join('\n')}`);
}

export async function isOnPath(command: string): Promise<boolean> {
  return (await pathOf(command)) !== undefined;
}

/** Where the program is; `undefined` = not on this machine. */
export async function pathOf(command: string): Promise<string | undefined> {
  const shell = spawn('sh', ['-c', 'command -v "$1"', 'sh', command], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  let found = '';
  shell.stdout.setEncoding('utf8').on('data', (text: string) => {
    found += text;
  });
  const [exitCode] = await once(shell, 'close');
  return exitCode === 0 ? found.trimEnd() : undefined;
}

export interface RunOptions {
  readonly cwd: string;
  /** Added to the environment that this process has. */
  readonly env?: Readonly<Record<string, string>>;
}

/** Runs a program to its end and returns its standard output; the error shows the end of what it said. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<string> {
  // env(1) adds the variables, so that nothing here has to know or copy the rest of the environment.
  const variables = Object.entries(options.env ?? {}).map(([name, value]) => `${name}=${value}`);
  const child = spawn('env', [...variables, command, ...args], {
    cwd: options.cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [exitCode] = await once(child, 'close');
  if (exitCode === 0) return stdout;
  const tail = said.trimEnd().split('\n').slice(-25).join('\n');
  throw new Error(`${command} ${args.join(' ')} failed (exit code ${exitCode}):\n${tail}`);
}
