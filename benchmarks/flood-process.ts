import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { FloodOptions, FloodResult } from './flood/flood.ts';

/** What the devices send; default: readings of every type, with all values. */
export interface Readings {
  readonly types?: string;
  readonly small?: boolean;
  /** Of MQTT; default 4, which is 3.1.1. */
  readonly protocolVersion?: 4 | 5;
}

/** Runs a flood in a process of its own. `onStart` is called when everything is encoded and connected, before the first publish. */
export async function runFlood(
  options: Omit<FloodOptions, 'schemas' | 'small' | 'protocolVersion'> & Readings,
  onStart: (pid: number) => void = () => undefined,
): Promise<FloodResult> {
  const args = Object.entries(options).flatMap(([name, value]) =>
    typeof value === 'boolean' ? (value ? [`--${name}`] : []) : [`--${name}`, String(value)],
  );
  const entry = path.join(import.meta.dirname, 'flood', 'main.ts');
  const child = spawn(process.execPath, [entry, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  let last = '';
  for await (const line of createInterface(child.stdout)) {
    last = line;
    if (line !== 'ready') continue;
    onStart(child.pid as number);
    child.stdin.end('go\n');
  }
  await exit;
  if (child.exitCode !== 0) throw new Error(`the load failed with exit code ${child.exitCode}`);
  return JSON.parse(last) as FloodResult;
}
