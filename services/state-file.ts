import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity } from './process-identity.ts';

/** The services that `up` left running, for `status` and `down`: each process by its identity, not by its number. */
export interface ServicesState {
  /** What was asked for; a second `up` that asks for the same finds it done. */
  readonly request: { readonly brokers: number; readonly only: readonly string[] };
  readonly processes: readonly ProcessRecord[];
  /** What the pipeline is told about them (`KAFKA_BROKERS` …); absent until all of them serve. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ProcessRecord {
  readonly name: string;
  readonly identity: ProcessIdentity;
  readonly logFile: string;
}

const stateFile = (dataDir: string) => join(dataDir, 'running.json');

export async function readState(dataDir: string): Promise<ServicesState | undefined> {
  try {
    return JSON.parse(await readFile(stateFile(dataDir), 'utf8')) as ServicesState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Replaces the file in one step; only its owner may read it, because the environment holds the admin token. */
export async function writeState(dataDir: string, state: ServicesState): Promise<void> {
  await mkdir(dataDir, { recursive: true });
  const next = `${stateFile(dataDir)}.next`;
  await writeFile(next, `${JSON.stringify(state, undefined, 2)}\n`, { mode: 0o600 });
  await rename(next, stateFile(dataDir));
}

export async function deleteState(dataDir: string): Promise<void> {
  await rm(stateFile(dataDir), { force: true });
}
