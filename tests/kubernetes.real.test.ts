import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
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
    const built = await run('go', ['run', KUSTOMIZE, 'build', MANIFESTS], { maxBuffer: 8 * 1024 ** 2 });
    const file = path.join(folder, 'built.yaml');
    writeFileSync(file, built.stdout);
    expect(built.stdout).toMatch(/name: pipeline-[a-z0-9]{10}$/m);

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
    const objects = [...built.stdout.matchAll(/^kind: /gm)].length;
    expect(summary).toEqual({ valid: objects, invalid: 0, errors: 0, skipped: 0 });
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

/** Of the manifests; others would be skipped, and the summary not be as expected. */
const KINDS = new Set([
  'ConfigMap',
  'Deployment',
  'HorizontalPodAutoscaler',
  'Namespace',
  'NetworkPolicy',
  'PodDisruptionBudget',
  'Service',
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
