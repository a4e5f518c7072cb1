import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SHARED } from '#console/server/files/page-files.ts';

/**
 * Keeps the arrows of docs/ARCHITECTURE.md. A folder may import what stands in its list and itself. Test files and
 * suites may also reach for the real services and, since a contract is tested with the shipped schemas, the runtime.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  contract: [],
  runtime: ['contract'],
  sqlite: ['runtime'],
  'event-log': ['contract', 'runtime', 'sqlite'],
  'telemetry-store': ['contract', 'runtime', 'sqlite'],
  'ingest-gateway': ['contract', 'runtime', 'event-log', 'telemetry-store'],
  processors: ['contract', 'runtime', 'event-log', 'telemetry-store'],
  simulator: ['contract', 'runtime', 'event-log', 'telemetry-store'],
  console: ['contract', 'runtime', 'event-log', 'telemetry-store', 'ingest-gateway', 'processors'],
  standalone: [
    'contract',
    'runtime',
    'event-log',
    'telemetry-store',
    'ingest-gateway',
    'processors',
    'console',
    'simulator',
  ],
  // The driver's guards against kafkajs, for clients that look at the brokers from outside.
  services: ['runtime', 'event-log'],
};
/**
 * The rooms of a folder, and which of them each may use besides itself; the files beside the rooms that are listed as
 * ground are for all of them, the other ones use all rooms and are used by none.
 */
const ROOMS: Readonly<
  Record<
    string,
    { readonly ground: readonly string[]; readonly rooms: Readonly<Record<string, readonly string[]>> }
  >
> = {
  'ingest-gateway': {
    ground: [
      'gateway-limits.ts',
      'descriptor-limit.ts',
      'ingest-metrics.ts',
      'held-input.ts',
      'line-limits.ts',
      'memory-budget.ts',
      'parser-version.ts',
      'refusal-reason.ts',
      'telemetry.ts',
      'telemetry-labels.ts',
      'token-bucket.ts',
    ],
    rooms: {
      devices: [],
      intake: [],
      source: ['intake'],
      'mqtt/listeners': [],
      'mqtt/v5': [],
      mqtt: ['devices', 'intake', 'mqtt/listeners', 'mqtt/v5'],
    },
  },
  console: {
    ground: [],
    rooms: { api: [], page: ['api'], server: ['api'] },
  },
  'console/page': {
    ground: ['html.ts'],
    rooms: {
      navigation: [],
      text: ['navigation'],
      asking: ['text'],
      charts: ['text'],
      payload: ['text'],
      frame: ['asking', 'navigation', 'text'],
      login: ['asking', 'navigation'],
      flow: ['asking', 'charts', 'text'],
      trace: ['asking', 'navigation', 'text'],
      letters: ['asking', 'charts', 'navigation', 'payload', 'text'],
      schemas: ['asking', 'navigation', 'payload', 'text'],
      devices: ['asking', 'charts', 'letters', 'navigation', 'text'],
    },
  },
  'console/server': {
    ground: ['metric-samples.ts', 'parts.ts', 'target-http.ts', 'telemetry.ts'],
    rooms: {
      answers: [],
      access: ['answers'],
      devices: ['answers'],
      files: ['answers'],
      flow: ['answers'],
      letters: ['answers'],
      trace: ['answers'],
      schemas: ['answers', 'devices', 'flow', 'letters'],
    },
  },
  'event-log/kafka': {
    ground: ['options.ts', 'telemetry.ts'],
    rooms: {
      wire: [],
      ask: ['wire'],
      append: ['ask', 'wire'],
      consume: ['ask', 'wire'],
    },
  },
};
const TESTS_MAY_ALSO_IMPORT = ['runtime', 'services', 'event-log', 'telemetry-store', 'tests'];
/** The floor of the embedded drivers is theirs alone: the other drivers, and the ports, do not know it. */
const ON_THE_SQLITE_FLOOR = /^((event-log|telemetry-store)\/embedded|sqlite)\//;
/** Real services are started by tests and benchmarks, wherever these are: where their cache is, and that they end with us. */
const FOR_TESTS_EVERYWHERE = new Set(['services/cache.ts', 'services/service-process.ts']);
const UNBOUND = new Set(['deploy', 'tests', 'benchmarks', 'docs', 'grafana', 'prometheus']);

const ROOT = path.join(import.meta.dirname, '..');
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '');

function importsOf(file: string): string[] {
  const source = readFileSync(path.join(ROOT, file), 'utf8');
  return [...source.matchAll(/(?:from|import)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] as string);
}

function isTest(file: string): boolean {
  return (
    /\.(test|suite)\.ts$/.test(file) ||
    file.includes('/testing/') ||
    file === 'services/vitest-global-setup.ts'
  );
}

describe('architecture', () => {
  it('imports point only downward', () => {
    const wrong: string[] = [];
    for (const file of files) {
      const folder = file.split('/')[0] as string;
      if (UNBOUND.has(folder) || !file.includes('/')) continue;
      const allowed = MAY_IMPORT[folder];
      expect(allowed, `${folder}/ is not in the list`).toBeDefined();
      for (const specifier of importsOf(file)) {
        const target = /^#([^/]+)\//.exec(specifier)?.[1];
        const offFloor = target === 'sqlite' && !ON_THE_SQLITE_FLOOR.test(file);
        if (target === undefined || target === folder || (allowed?.includes(target) && !offFloor)) continue;
        if (isTest(file) && TESTS_MAY_ALSO_IMPORT.includes(target)) continue;
        wrong.push(`${file} imports ${specifier}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(Object.entries(ROOMS))(
    'the rooms of %s/ use each other only downward',
    (folder, { ground, rooms }) => {
      const roomOf = (file: string): string | undefined =>
        Object.keys(rooms)
          .filter((room) => file.startsWith(`${folder}/${room}/`))
          .sort((a, b) => b.length - a.length)[0];
      const wrong: string[] = [];
      for (const file of files) {
        if (!file.startsWith(`${folder}/`) || isTest(file)) continue;
        const isGround = ground.includes(file.slice(folder.length + 1));
        const room = roomOf(file);
        if (room === undefined && !isGround) continue;
        for (const specifier of importsOf(file)) {
          const target = specifier.startsWith('./')
            ? path.posix.join(path.dirname(file), specifier)
            : specifier.slice(1);
          if (!target.startsWith(`${folder}/`)) continue;
          const targetRoom = roomOf(target);
          const allowed =
            targetRoom === undefined
              ? ground.includes(target.slice(folder.length + 1))
              : room === targetRoom || (room !== undefined && rooms[room]?.includes(targetRoom));
          if (!allowed) wrong.push(`${file} imports ${specifier}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );

  it('the page of the console imports what it is served with, and types of its API', () => {
    const wrong: string[] = [];
    for (const file of files.filter((it) => it.startsWith('console/page/') && !isTest(it)))
      for (const specifier of importsOf(file).filter((it) => it.startsWith('#')))
        if (!/^#console\/(page|api)\//.test(specifier) && !SHARED.includes(specifier.slice(1)))
          wrong.push(`${file} imports ${specifier}`);
    for (const file of SHARED) wrong.push(...importsOf(file).map((it) => `${file} imports ${it}`));
    expect(wrong).toEqual([]);
  });

  it('only runtime/start-thread.ts begins threads', () => {
    const begins = files.filter(
      (file) => !isTest(file) && /\bnew Worker\(/.test(readFileSync(path.join(ROOT, file), 'utf8')),
    );
    expect(begins).toEqual(['runtime/start-thread.ts']);
  });

  it('only event-log/kafka/wire reaches into the inside of kafkajs', () => {
    const strays = files.filter(
      (file) =>
        file !== 'tests/architecture.test.ts' &&
        !file.startsWith('event-log/kafka/wire/') &&
        /kafkajs\/(src|package)|insideKafkajs/.test(readFileSync(path.join(ROOT, file), 'utf8')),
    );
    expect(strays).toEqual([]);
  });

  it('no import climbs out of its folder by a relative path', () => {
    const climbing = files.flatMap((file) =>
      importsOf(file)
        .filter((it) => it.startsWith('../'))
        .map((it) => `${file}: ${it}`),
    );
    expect(climbing).toEqual([]);
  });

  it('each client library is known to one folder only', () => {
    const home: Readonly<Record<string, RegExp>> = {
      kafkajs: /^(event-log\/kafka|services)\//,
      '@influxdata/influxdb-client': /^telemetry-store\/influxdb\//,
      aedes: /^ingest-gateway\//,
      mqtt: /^(simulator|processors\/mapping\/suggest)\//,
      // The lock of a file, and a function of the C library, are wanted where there is no database, too.
      'node:sqlite':
        /^((event-log|telemetry-store)\/embedded|sqlite|services)\/|^runtime\/(file-lock|malloc-trim)\.ts$/,
    };
    const strays: string[] = [];
    for (const file of files) {
      if (isTest(file) || UNBOUND.has(file.split('/')[0] as string)) continue;
      for (const specifier of importsOf(file)) {
        const pattern = home[specifier];
        if (pattern !== undefined && !pattern.test(file)) strays.push(`${file} imports ${specifier}`);
      }
    }
    expect(strays).toEqual([]);
  });

  it('only main.ts files touch process', () => {
    const touching = files.filter((file) => {
      if (isTest(file) || file.endsWith('main.ts') || FOR_TESTS_EVERYWHERE.has(file)) return false;
      if (UNBOUND.has(file.split('/')[0] as string)) return false;
      const source = readFileSync(path.join(ROOT, file), 'utf8');
      const code = source.replace(/^\s*(\*|\/\/|\/\*).*$/gm, '').replace(/'[^'\n]*'/g, "''");
      // Which Node runs is no input: a child process may be started with the same.
      return /(?<![.\w`-])process(\.(?!execPath\b)\w|\s*[;)])|node:process/.test(code);
    });
    expect(touching).toEqual([]);
  });

  it('what runs for long requires node:http, whose import would load fetch and WebSocket, 13 MiB', () => {
    const importing = files.filter(
      (file) =>
        !isTest(file) &&
        !UNBOUND.has(file.split('/')[0] as string) &&
        /^import (?!type ).*from 'node:http';/m.test(readFileSync(path.join(ROOT, file), 'utf8')),
    );
    expect(importing).toEqual([]);
  });

  it('no file gathers what has no place', () => {
    expect(files.filter((file) => /(^|\/)(utils?|helpers?|common|types|misc|index)\.ts$/.test(file))).toEqual(
      [],
    );
  });
});
