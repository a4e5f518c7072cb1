import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

export interface CrowdOptions {
  readonly port: number;
  readonly devices: number;
  readonly tls: boolean;
}

/** Devices in a process of their own that are connected and say nothing, until they are disposed of. @throws Error not all were let in */
export async function startCrowd({ port, devices, tls }: CrowdOptions): Promise<AsyncDisposable> {
  const args = [path.join(import.meta.dirname, 'main.ts'), String(port), String(devices)];
  const crowd = spawn(process.execPath, tls ? [...args, 'tls'] : args, {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exit = once(crowd, 'exit');
  const ready = await Promise.race([once(crowd.stdout, 'data'), exit.then(() => undefined)]);
  if (ready === undefined) throw new Error(`not all of ${devices} devices could connect`);
  return {
    async [Symbol.asyncDispose]() {
      crowd.stdin.end();
      await exit;
    },
  };
}
