import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { MANIFESTS } from '#tests/kubernetes.ts';

/**
 * The manifests are built and checked by the programs that operators use for it, without a cluster. The schemas come from the
 * sources of Kubernetes itself: what its API server publishes of its objects.
 */
const KUSTOMIZE = 'sigs.k8s.io/kustomize/kustomize/v5@v5.8.2';
const KUBECONFORM = 'github.com/yannh/kubeconform/cmd/kubeconform@v0.8.0';
const KUBERNETES = 'k8s.io/kubernetes@v1.34.4';
/** Both programs are compiled from their sources at the first run. */
const PATIENCE_MS = 900_000;

const run = promisify(execFile);
const missing = (() => {
  try {
    execFileSync('go', ['version']);
    return undefined;
  } catch {
    return 'go is not installed';
  }
})();
if (missing !== undefined && process.env.REQUIRE_REAL_SERVICES === '1') throw new Error(missing);

describe.skipIf(missing)('deploy/kubernetes', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'kubernetes-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('is built by kustomize, and every object is what its schema says', {
    timeout: PATIENCE_MS,
  }, async () => {
    // An overlay as README.md says: with a broker that is there already, and settings of its own.
    const overlay = path.join(folder, 'overlay');
    mkdirSync(overlay);
    writeFileSync(
      path.join(overlay, 'kustomization.yaml'),
      stringify({
        resources: ['', 'mqtt-source'].map((part) => path.relative(overlay, path.join(MANIFESTS, part))),
        images: [{ name: 'iot-telemetry-pipeline', newName: 'registry.example/pipeline', newTag: '1.0.0' }],
        configMapGenerator: [
          own('pipeline', 'MAPPINGS=tasmota'),
          own('mqtt-source', 'MQTT_SOURCE_URL=mqtts://plant.example'),
        ],
      }),
    );
    const built = await run('go', ['run', KUSTOMIZE, 'build', overlay], { maxBuffer: 8 * 1024 ** 2 });
    const file = path.join(folder, 'built.yaml');
    writeFileSync(file, built.stdout);
    const objects = parseAllDocuments(built.stdout).map((document) => document.toJS());
    const source = objects.find(({ kind }) => kind === 'StatefulSet');
    expect(source).toMatchObject({ metadata: { namespace: 'iot-telemetry' } });
    const [{ image, envFrom }] = source.spec.template.spec.containers;
    expect(image).toBe('registry.example/pipeline:1.0.0');
    const maps = envFrom.map(({ configMapRef }: { configMapRef: { name: string } }) =>
      objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === configMapRef.name),
    );
    expect(maps).toMatchObject([
      { data: { MAPPINGS: 'tasmota', HTTP_HOST: '0.0.0.0' } },
      { data: { MQTT_SOURCE_URL: 'mqtts://plant.example', MQTT_SOURCE_USERNAME: 'iot-telemetry' } },
    ]);
    for (const { metadata } of maps) expect(metadata.name).toMatch(/-[a-z0-9]{10}$/);

    const { stdout: downloaded } = await run('go', ['mod', 'download', '-json', KUBERNETES], { cwd: folder });
    const kubernetes = (JSON.parse(downloaded) as { Dir: string }).Dir;
    writeSchemas(path.join(kubernetes, 'api/openapi-spec/swagger.json'));
    const check = ['run', KUBECONFORM, '-strict', '-summary', '-output', 'json'];
    const schemas = ['-schema-location', path.join(folder, '{{.ResourceKind}}{{.KindSuffix}}.json')];
    const { stdout } = await run('go', [...check, ...schemas, file]).catch(
      (error: { stdout: string }) => error,
    );
    const { resources, summary } = JSON.parse(stdout) as { resources: unknown[]; summary: unknown };
    expect(resources).toEqual([]);
    expect(summary).toEqual({ valid: objects.length, invalid: 0, errors: 0, skipped: 0 });
  });

  /** One file for each kind, named as kubeconform looks for it; unknown keys are refused, as `kubectl apply` warns of them. */
  function writeSchemas(swaggerFile: string): void {
    const swagger = JSON.parse(readFileSync(swaggerFile, 'utf8')) as {
      definitions: Record<string, Definition>;
    };
    for (const [name, definition] of Object.entries(swagger.definitions)) {
      if (definition.properties !== undefined) definition.additionalProperties ??= false;
      if (name.endsWith('.IntOrString'))
        swagger.definitions[name] = { oneOf: [{ type: 'string' }, { type: 'integer' }] };
    }
    for (const [name, definition] of Object.entries(swagger.definitions)) {
      for (const { group, kind, version } of definition['x-kubernetes-group-version-kind'] ?? []) {
        const suffix = [group.split('.')[0], version].filter((part) => part !== '').join('-');
        const schema = { $ref: `#/definitions/${name}`, definitions: swagger.definitions };
        if (KINDS.has(kind))
          writeFileSync(path.join(folder, `${kind.toLowerCase()}-${suffix}.json`), JSON.stringify(schema));
      }
    }
  }
});

/** A ConfigMap that is merged with the one of the same name. */
function own(name: string, ...literals: string[]): object {
  return { name, namespace: 'iot-telemetry', behavior: 'merge', literals };
}

/** Of the manifests; others would be skipped, and the summary not be as expected. */
const KINDS = new Set([
  'ConfigMap',
  'Deployment',
  'HorizontalPodAutoscaler',
  'Namespace',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'Service',
  'StatefulSet',
]);

interface Definition {
  readonly type?: string;
  readonly oneOf?: readonly Definition[];
  readonly properties?: Readonly<Record<string, unknown>>;
  additionalProperties?: unknown;
  readonly 'x-kubernetes-group-version-kind'?: readonly {
    readonly group: string;
    readonly kind: string;
    readonly version: string;
  }[];
}
