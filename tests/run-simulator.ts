import { spawn } from 'node:child_process';
import path from 'node:path';

const ENTRY = path.join(import.meta.dirname, '..', 'simulator', 'main.ts');

/** The last line of `npm run --silent simulate -- … --json`. */
export interface SimulatorReport {
  readonly sent: number;
  readonly acked: number;
  readonly malformed: number;
  readonly stored: number;
  readonly deadLettered: number;
  readonly pending: number;
  readonly missing: number;
  readonly duplicates: number;
  readonly ok: boolean;
  readonly missingReadings: readonly unknown[];
}

/** Runs the simulator as a user would, and hands back its report. Rejects when it wrote none. */
export async function runSimulator(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<SimulatorReport> {
  const child = spawn(process.execPath, [ENTRY, ...args, '--json'], {
    env: { ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const report = Buffer.concat(output).toString().trimEnd().split('\n').at(-1) ?? '';
  if (!report.startsWith('{')) {
    throw new Error(
      `the simulator ended with ${code} and no report:\n${Buffer.concat(complaints).toString().slice(-4000)}`,
    );
  }
  return JSON.parse(report);
}
