import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const ROOT = path.join(import.meta.dirname, '..');
/** The reference implementation of the Compose Specification, which `docker compose` is built on. */
const VALIDATOR = 'github.com/compose-spec/compose-go/v2/cmd@v2.16.2';

/** A service of docker-compose.yml, as far as the tests look at it. */
export interface ComposeService {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string | number | null>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>;
  readonly restart?: string;
  readonly stop_grace_period?: string;
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
  readonly security_opt?: readonly string[];
  readonly profiles?: readonly string[];
  readonly user?: string;
  readonly volumes?: readonly { readonly target: string; readonly read_only?: boolean }[];
}

export interface ComposeFile {
  readonly services: Readonly<Record<string, ComposeService>>;
}

/** Validates docker-compose.yml and resolves its anchors and merges; variables stay as they stand. */
export async function loadComposeFile(): Promise<ComposeFile> {
  const args = ['run', VALIDATOR, '--format', 'json', '--no-interpolation', 'docker-compose.yml'];
  const { stdout } = await promisify(execFile)('go', args, { cwd: ROOT, maxBuffer: 8 * 1024 * 1024 });
  return JSON.parse(stdout);
}

export function composeText(): string {
  return readFileSync(path.join(ROOT, 'docker-compose.yml'), 'utf8');
}

export function dockerfileText(): string {
  return readFileSync(path.join(ROOT, 'Dockerfile'), 'utf8');
}
