import { join } from 'node:path';
import { type CachedPart, cachedPart, type Progress } from '#services/cache.ts';
import { requireTools, run } from '#services/tools.ts';

const VERSION = '1.37.2';
/** All that the chain uses of Telegraf; everything else would be another half hour of compiling. */
const PLUGINS = [
  'inputs.mqtt_consumer',
  'inputs.kafka_consumer',
  'outputs.kafka',
  'outputs.influxdb_v2',
  'parsers.json_v2',
  'parsers.influx',
  'serializers.influx',
];
const GO = {
  command: 'go',
  purpose: 'Go, builds Telegraf',
  install: 'apt-get install golang-go, or https://go.dev/doc/install',
};

const telegrafPart: CachedPart = {
  name: `telegraf-${VERSION}`,
  build: async (target, progress) => {
    await requireTools([GO]);
    progress(`building Telegraf ${VERSION} with go, ten minutes or more …`);
    await run(
      'go',
      ['install', '-trimpath', '-ldflags=-s -w', '-tags', ['custom', ...PLUGINS].join(), MODULE],
      {
        cwd: target,
        env: { GOBIN: target, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' },
      },
    );
  },
};
const MODULE = `github.com/influxdata/telegraf/cmd/telegraf@v${VERSION}`;

/** The path of the program, in the cache of services (`PIPELINE_SERVICES_CACHE`); built first where it is missing. */
export async function telegrafCommand(progress: Progress): Promise<string> {
  return join(await cachedPart(telegrafPart, { progress }), 'telegraf');
}
