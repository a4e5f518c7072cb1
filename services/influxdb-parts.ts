import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CachedPart, cachedPart, type PartsOptions } from './cache.ts';
import { requireTools, run } from './tools.ts';

const INFLUXDB_VERSION = '2.7.12';
const INFLUXDB_MODULE = 'github.com/influxdata/influxdb/v2';

const TOOLS = [
  {
    command: 'go',
    purpose: 'Go 1.23 or newer, builds the server',
    install: 'apt-get install golang-go, or https://go.dev/doc/install where that is older',
  },
  {
    command: 'cargo',
    purpose: 'stable Rust, builds the parser of the Flux language',
    install: 'https://rustup.rs, or apt-get install cargo',
  },
  { command: 'cc', purpose: 'a C compiler and linker for cgo', install: 'apt-get install build-essential' },
  { command: 'pkg-config', purpose: 'how cgo finds the parser', install: 'apt-get install pkg-config' },
];

/**
 * InfluxDB built from its Go module; minutes on two cores, and there is no package for it that the ordinary registries
 * serve. Its Flux parser is a Rust library inside another Go module, linked in statically through cgo.
 *
 * Nothing here is taken on trust: go checks modules against its checksum database and InfluxDB's go.sum, cargo checks
 * crates against libflux's Cargo.lock (`--locked`).
 */
export const influxDbPart: CachedPart = {
  name: `influxdb-${INFLUXDB_VERSION}`,
  build: async (target, progress) => {
    await requireTools(TOOLS);
    const scratch = join(target, 'scratch');
    await mkdir(scratch);
    progress(`fetching the sources of InfluxDB ${INFLUXDB_VERSION} …`);
    const influxDb = await downloadModule(`${INFLUXDB_MODULE}@v${INFLUXDB_VERSION}`, scratch);
    // Within InfluxDB's module this gives the version of flux that its go.mod names.
    const flux = await downloadModule('github.com/influxdata/flux', influxDb.Dir);

    progress('building the Flux parser with cargo, a minute or three …');
    const libflux = join(flux.Dir, 'libflux');
    const rustTarget = join(scratch, 'rust');
    await run('cargo', ['build', '--locked', '--release', '-p', 'flux', '--target-dir', rustTarget], {
      cwd: libflux,
      // Newer compilers deny what these sources still do; an installed nightly default would fail otherwise.
      env: { RUSTUP_TOOLCHAIN: 'stable', RUSTFLAGS: '--cap-lints=allow' },
    });
    // Only the static library may be found, else the server would need the shared one at run time.
    const library = join(rustTarget, 'release');
    await rm(join(library, 'libflux.so'), { force: true });
    await rm(join(library, 'libflux.dylib'), { force: true });
    const pkgConfig = join(scratch, 'pkg-config');
    await mkdir(pkgConfig);
    await writeFile(join(pkgConfig, 'flux.pc'), fluxPackage(flux.Version, library, join(libflux, 'include')));

    progress('building the server with go, two or three minutes …');
    const linkerFlags = `-s -w -X main.version=v${INFLUXDB_VERSION}`;
    const tags = 'sqlite_foreign_keys,sqlite_json,noassets';
    const output = join(target, 'influxd');
    await run(
      'go',
      ['build', '-trimpath', '-ldflags', linkerFlags, '-tags', tags, '-o', output, './cmd/influxd'],
      {
        cwd: influxDb.Dir,
        // A build cache of its own: go's does not notice that pkg-config answers differently, and would link with the
        // library of an earlier build, in a folder that is gone.
        env: { PKG_CONFIG_PATH: pkgConfig, CGO_ENABLED: '1', GOCACHE: join(scratch, 'go') },
      },
    );
    await rm(scratch, { recursive: true });
  },
};

/** The path of the `influxd` program. */
export async function influxDbCommand(options: PartsOptions): Promise<string> {
  return join(await cachedPart(influxDbPart, options), 'influxd');
}

/** What `go mod download -json` says about a module; the folder is read-only. */
interface GoModule {
  readonly Dir: string;
  readonly Version: string;
}

async function downloadModule(module: string, cwd: string): Promise<GoModule> {
  return JSON.parse(await run('go', ['mod', 'download', '-json', module], { cwd })) as GoModule;
}

const fluxPackage = (version: string, library: string, include: string) => `Name: Flux
Description: Parser and analyser of the Flux language
Version: ${version.replace(/^v/, '')}
Libs: -L${library} -lflux -ldl -lm -lpthread
Cflags: -I${include}
`;
