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

/** A flood whose devices are spread evenly over several ports; PUBACK times are those of the slowest. */
export async function runFloods(
  ports: readonly number[],
  options: Omit<Parameters<typeof runFlood>[0], 'port'>,
  onStart: () => void = () => undefined,
): Promise<FloodResult> {
  const devices = Math.ceil(options.devices / ports.length);
  let waiting = ports.length;
  const results = await Promise.all(
    ports.map((port, i) =>
      runFlood({ ...options, devices, port, prefix: `${options.prefix}-${i}` }, () => {
        if (--waiting === 0) onStart();
      }),
    ),
  );
  const all = (figure: (result: FloodResult) => number): number[] => results.map(figure);
  return {
    startedAt: Math.min(...all(({ startedAt }) => startedAt)),
    endedAt: Math.max(...all(({ endedAt }) => endedAt)),
    messages: all(({ messages }) => messages).reduce((a, b) => a + b),
    readings: all(({ readings }) => readings).reduce((a, b) => a + b),
    pubackMs: {
      p50: Math.max(...all(({ pubackMs }) => pubackMs.p50)),
      p99: Math.max(...all(({ pubackMs }) => pubackMs.p99)),
      max: Math.max(...all(({ pubackMs }) => pubackMs.max)),
    },
  };
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
