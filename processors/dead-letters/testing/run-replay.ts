import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { decodeLetterState } from '#contract/letter-state.ts';
import type { LogRecord, TopicNames } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';

const MAIN = join(import.meta.dirname, '..', 'main.ts');

export interface DlqProcess {
  kill(signal: 'SIGKILL' | 'SIGINT'): void;
  readonly ended: Promise<{ readonly code: number | null; readonly out: string; readonly err: string }>;
}

/** `npm run dlq -- …` as a process of its own. */
export function startDlq(argv: readonly string[], env: Readonly<Record<string, string>>): DlqProcess {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const text = { out: '', err: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (text.err += chunk.toString('utf8')));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, ...text }));
  return { kill: (signal) => void child.kill(signal), ended };
}

export async function runDlq(argv: readonly string[], env: Readonly<Record<string, string>>) {
  return startDlq(argv, env).ended;
}

export async function replayedLetters(log: EventLog, topics: TopicNames): Promise<Set<string>> {
  const replayed = new Set<string>();
  for await (const record of log.read(topics.deadLetterState)) {
    if (decodeLetterState(record)?.state?.outcome === 'replayed') replayed.add(String(record.key));
  }
  return replayed;
}

export function readAll(log: EventLog, topic: string): Promise<LogRecord[]> {
  return Array.fromAsync(log.read(topic));
}

export function seqOf(record: LogRecord): number {
  return (JSON.parse(record.value?.toString('utf8') ?? '{}') as { seq: number }).seq;
}
