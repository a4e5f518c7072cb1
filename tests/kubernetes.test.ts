import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { LIMITS } from '#contract/limits.ts';
import { readSettings } from '#runtime/settings.ts';
import { MANIFESTS, type Manifest, readEnvFile, readManifests } from '#tests/kubernetes.ts';

const ROOT = path.join(import.meta.dirname, '..');
const manifests = readManifests();
const ofKind = (kind: string): Manifest[] => manifests.filter((manifest) => manifest.kind === kind);
const deployments = [...ofKind('Deployment'), ...ofKind('StatefulSet')].map((manifest) => {
  const pod = manifest.spec.template.spec;
  const [container] = pod.containers;
  // What has no value is the name of the pod.
  const own = Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? 'pod-0']));
  const shared = container.envFrom.map(({ configMapRef }) => readEnvFile(envFileOf(configMapRef.name)));
  const env: Record<string, string> = Object.assign({}, ...shared, own);
  return {
    name: manifest.metadata.name,
    labels: manifest.spec.template.metadata.labels,
    pod,
    container,
    env,
  };
});
const named = (name: string) => deployments.find((deployment) => deployment.name === name);

test('gateways, processors, lag monitor and MQTT source are there, each with its own program', () => {
  expect(deployments.map(({ name, container }) => [name, container.command])).toEqual([
    ['gateway', ['node', 'runtime/start.mjs', 'ingest-gateway/main.ts']],
    ['lag-monitor', ['node', 'runtime/start.mjs', 'processors/lag-monitor/main.ts']],
    ['processors', ['node', 'runtime/start.mjs', 'processors/telemetry-writer/main.ts']],
    ['mqtt-source', ['node', 'runtime/start.mjs', 'ingest-gateway/source/main.ts']],
  ]);
  for (const { container } of deployments)
    expect(existsSync(path.join(ROOT, String(container.command[1])))).toBe(true);
});

describe.each(deployments)('$name', ({ pod, container, env }) => {
  test('[P10] its variables are known, and together they are accepted', () => {
    const secrets = new Set<string>();
    const { settings, warnings } = readSettings(env, (file) => {
      secrets.add(path.dirname(file));
      return 'a-secret-of-more-than-16-characters';
    });
    expect(warnings).toEqual([]);
    const mounted = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect([...secrets].filter((folder) => !mounted.includes(folder))).toEqual([]);
    expect(secrets).toContain('/secrets');
    expect(settings.kafka?.brokers).toHaveLength(3);
  });

  test('its ports are those that it listens on, and what is asked of them exists', () => {
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    expect(ports).toEqual({
      http: Number(env['HTTP_PORT']),
      ...(env['MQTT_TLS_PORT'] !== undefined && { mqtts: Number(env['MQTT_TLS_PORT']) }),
    });
    expect(container.livenessProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.startupProbe.httpGet).toEqual({ path: '/healthz', port: 'http' });
    expect(container.readinessProbe.httpGet).toEqual({ path: '/readyz', port: 'http' });
  });

  test('it is confined, bounded, and ends in peace', () => {
    expect(pod).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(container).toMatchObject({
      resources: {
        requests: { cpu: expect.any(String), memory: expect.any(String) },
        limits: { memory: expect.any(String) },
      },
      securityContext: {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      },
    });
    expect(pod.terminationGracePeriodSeconds * 1000).toBeGreaterThanOrEqual(2 * LIMITS.shutdownMs);
  });

  test('every file that it is told of is mounted, and every volume is there', () => {
    const mounted = container.volumeMounts.map(({ mountPath }) => mountPath);
    const files = Object.entries(env).filter(([name]) => name.endsWith('_FILE'));
    expect(files.filter(([, file]) => !mounted.includes(path.dirname(file)))).toEqual([]);
    expect(mounted).toContain('/data');
    expect(container.volumeMounts.map(({ name }) => name)).toEqual(pod.volumes.map(({ name }) => name));
  });
});

test('services, budgets and policies choose pods that there are, and ports that these have', () => {
  for (const { metadata, spec } of ofKind('Service')) {
    const chosen = deployments.filter(({ labels }) => matches(spec.selector, labels));
    expect(chosen, metadata.name).toHaveLength(1);
    const ports = chosen[0]?.container.ports.map(({ name }) => name) ?? [];
    for (const { targetPort } of spec.ports) expect(ports, metadata.name).toContain(targetPort);
  }
  for (const { metadata, spec } of [
    ...ofKind('PodDisruptionBudget'),
    ...ofKind('Deployment'),
    ...ofKind('StatefulSet'),
  ])
    expect(
      deployments.filter(({ labels }) => matches(spec.selector.matchLabels, labels)),
      metadata.name,
    ).toHaveLength(1);
  for (const { metadata, spec } of ofKind('NetworkPolicy'))
    expect(
      deployments.some(({ labels }) => matches(spec.podSelector.matchLabels ?? {}, labels)),
      metadata.name,
    ).toBe(true);
});

test('processors are scaled by a metric that there is, of their own group and topic, up to the partitions', () => {
  const [scaler] = ofKind('HorizontalPodAutoscaler');
  const { scaleTargetRef, maxReplicas, metrics } = (scaler as Manifest).spec;
  expect(named(scaleTargetRef.name)).toBeDefined();
  const { settings } = readSettings(
    named('processors')?.env ?? {},
    () => 'a-secret-of-more-than-16-characters',
  );
  const { metric } = metrics[0].external;
  expect(readFileSync(path.join(ROOT, 'docs/metrics.md'), 'utf8')).toContain(`\`${metric.name}\``);
  expect(metric.selector.matchLabels).toEqual({
    consumergroup: settings.consumerGroup,
    topic: settings.topics.telemetry,
  });
  expect(maxReplicas).toBe(settings.kafka?.topicPartitions);
});

test('the image is the one of this version, as compose builds it', () => {
  const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as {
    version: string;
  };
  for (const folder of ['', 'mqtt-source']) {
    const kustomization = parse(
      readFileSync(path.join(MANIFESTS, folder, 'kustomization.yaml'), 'utf8'),
    ) as object;
    expect(kustomization, folder).toMatchObject({
      images: [{ name: 'iot-telemetry-pipeline', newTag: version }],
    });
  }
  for (const { container } of deployments) expect(container.image).toBe('iot-telemetry-pipeline');
});

/** Of the base, or of the folder that is called as its ConfigMap. */
function envFileOf(configMap: string): string {
  return path.join(MANIFESTS, configMap === 'pipeline' ? '' : configMap, `${configMap}.env`);
}

function matches(
  selector: Readonly<Record<string, string>>,
  labels: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(selector).every(([key, value]) => labels[key] === value);
}
