import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { type CachedPart, cachedPart, type PartsOptions } from './cache.ts';
import { requireTools, run } from './tools.ts';

/** Clients that we did not write (see `mqtt-clients/README.md`), and how each is started; its argument comes behind. */
export type MqttClientCommands = Readonly<
  Record<'paho-mqtt' | 'gmqtt' | 'paho.golang' | 'rumqttc', readonly [command: string, ...args: string[]]>
>;

const SOURCES = path.join(import.meta.dirname, 'mqtt-clients');
/** What running them by hand leaves there is none of it. */
const isSource = (file: string): boolean =>
  !/(^|\/)(target|__pycache__)(\/|$)/.test(path.relative(SOURCES, file));
const TOOLS = [
  { command: 'python3', purpose: 'runs two of them', install: 'apt-get install python3-venv' },
  { command: 'go', purpose: 'Go 1.24 or newer, builds another', install: 'https://go.dev/doc/install' },
  { command: 'cargo', purpose: 'stable Rust, builds another', install: 'https://rustup.rs' },
  { command: 'cc', purpose: 'a C compiler for its TLS', install: 'apt-get install build-essential' },
];

/** The part, under a name that changes with its sources. */
export async function mqttClientsPart(): Promise<CachedPart> {
  const names = await readdir(SOURCES, { recursive: true, withFileTypes: true });
  const files = names
    .filter((it) => it.isFile())
    .map((it) => path.join(it.parentPath, it.name))
    .filter(isSource);
  const hash = createHash('sha256');
  for (const file of files.sort())
    hash.update(`${path.relative(SOURCES, file)}\n`).update(await readFile(file));
  return { name: `mqtt-clients-${hash.digest('hex').slice(0, 12)}`, build };
}

/** Versions are those of the lock files beside the sources; go and cargo check them against their sums. */
async function build(target: string, progress: (message: string) => void): Promise<void> {
  await requireTools(TOOLS);
  await cp(SOURCES, target, { recursive: true, filter: isSource });
  progress('building MQTT clients: Python …');
  const python = path.join(target, 'python');
  await run('python3', ['-m', 'venv', '--copies', 'venv'], { cwd: python });
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-deps'];
  await run('venv/bin/python', [...pip, '-r', 'requirements.txt'], { cwd: python });
  progress('building MQTT clients: Go …');
  await run('go', ['build', '-trimpath', '-o', 'device', '.'], { cwd: path.join(target, 'go') });
  progress('building MQTT clients: Rust, a minute …');
  const rust = path.join(target, 'rust');
  await run('cargo', ['build', '--locked'], { cwd: rust, env: { RUSTUP_TOOLCHAIN: 'stable' } });
  await cp(path.join(rust, 'target', 'debug', 'rumqttc-device'), path.join(rust, 'device'));
  await rm(path.join(rust, 'target'), { recursive: true });
}

export async function mqttClients(options: PartsOptions = {}): Promise<MqttClientCommands> {
  const folder = await cachedPart(await mqttClientsPart(), options);
  const python = path.join(folder, 'python');
  const interpreter = path.join(python, 'venv', 'bin', 'python');
  return {
    'paho-mqtt': [interpreter, path.join(python, 'paho_device.py')],
    gmqtt: [interpreter, path.join(python, 'gmqtt_device.py')],
    'paho.golang': [path.join(folder, 'go', 'device')],
    rumqttc: [path.join(folder, 'rust', 'device')],
  };
}
