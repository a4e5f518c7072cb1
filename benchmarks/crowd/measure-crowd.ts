import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { MeasuredPipeline } from '#benchmarks/measured-pipeline.ts';
import type { Figures, Setup } from '#benchmarks/measurements.ts';
import { cpuSeconds, residentMiB } from '#benchmarks/process-usage.ts';
import { choosePorts } from '#runtime/choose-ports.ts';
import { makeCertificate } from '#services/certificates.ts';
import { startCrowd } from './start-crowd.ts';

const DEVICES = 10_000;
const IDLE_MS = 20_000;
const CPU_SECONDS = 10;

/** Ten thousand devices over TLS that say nothing: resident memory of the process that has them, and what each device is of it. */
export async function measureCrowd({ size, services }: Setup): Promise<Figures> {
  const folder = mkdtempSync(path.join(tmpdir(), 'crowd-'));
  await using resources = new AsyncDisposableStack();
  resources.defer(() => rmSync(folder, { recursive: true, force: true }));
  makeCertificate(folder, 'gateway', { subjectAltName: 'IP:127.0.0.1' });
  const [tlsPort] = (await choosePorts([undefined])) as [number];
  const env = {
    ...services.env,
    MQTT_TLS_PORT: String(tlsPort),
    MQTT_TLS_CERT_FILE: path.join(folder, 'gateway.crt'),
    MQTT_TLS_KEY_FILE: path.join(folder, 'gateway.key'),
  };
  const pipeline = resources.use(await MeasuredPipeline.start(size, { ...services, env }));
  const [pid] = Object.values(pipeline.ownPids) as [number];
  const { signal } = services;
  await sleep(IDLE_MS, undefined, { signal });
  const aloneMiB = residentMiB(pid);
  const startedAt = performance.now();
  const cpuAlone = cpuSeconds(pid);
  resources.use(await startCrowd({ port: tlsPort, devices: DEVICES, tls: true }));
  const connectedSeconds = (performance.now() - startedAt) / 1000;
  const connectCpuMs = ((cpuSeconds(pid) - cpuAlone) * 1000) / DEVICES;
  const mostMiB = residentMiB(pid);
  await sleep(IDLE_MS, undefined, { signal });
  const cpuBefore = cpuSeconds(pid);
  await sleep(CPU_SECONDS * 1000, undefined, { signal });
  const withCrowdMiB = residentMiB(pid);
  return {
    aloneMiB,
    connectedSeconds,
    connectCpuMs,
    afterConnectingMiB: mostMiB,
    withDevicesMiB: withCrowdMiB,
    kibADevice: ((withCrowdMiB - aloneMiB) * 1024) / DEVICES,
    idleCores: (cpuSeconds(pid) - cpuBefore) / CPU_SECONDS,
  };
}
