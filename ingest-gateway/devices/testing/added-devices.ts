import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { SlowHash } from '#ingest-gateway/devices/credential.ts';
import { credentialsIfAny } from '#ingest-gateway/devices/credentials-file.ts';
import { verifySlow } from '#ingest-gateway/devices/verify-slow.ts';
import { runDevices } from './run-devices.ts';

/** For tests: `npm run devices -- add` with a credentials file of its own, and what stands in it then. */
export class AddedDevices implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'add-'));
  readonly file = path.join(this.folder, 'config', 'devices.json');
  readonly list = path.join(this.folder, 'list');

  add(argv: readonly string[], stdin = '') {
    return runDevices(['add', ...argv], { stdin, env: { DEVICE_CREDENTIALS_FILE: this.file } });
  }

  addList(content: string | Uint8Array, ...argv: string[]) {
    writeFileSync(this.list, content);
    return this.add(['--from', this.list, ...argv]);
  }

  kept(id: string) {
    return credentialsIfAny(this.file).get(id);
  }

  ids(): string[] {
    return [...credentialsIfAny(this.file).keys()];
  }

  letsIn(id: string, password: string): Promise<boolean> {
    return verifySlow(Buffer.from(password), this.kept(id) as SlowHash);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}
