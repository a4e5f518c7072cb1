import { loadSchemas } from '#runtime/load-schemas.ts';
import { randomStreams } from '#simulator/random-stream.ts';
import { ReadingSource } from '#simulator/reading-source.ts';
import { type Figures, type Setup, unpaced } from './measurements.ts';
import { cpuSeconds, residentMiB } from './process-usage.ts';

/** What InfluxDB asks its writers for. */
const LINES_A_WRITE = 5_000;
const WRITES_AT_ONCE = 4;
const SCHEMA = 'environment/1';

/**
 * What InfluxDB alone takes: line protocol of the readings of a setup with two values, made before the clock starts, in
 * writes as the writer makes them, as fast as they are answered.
 */
export async function measureInfluxAlone(setup: Setup): Promise<Figures> {
  const { env, pids, signal } = setup.services;
  const { devices, count } = unpaced(setup);
  const readings = devices * count * setup.batch;
  const bodies = linesOf(devices, count, setup.batch);
  const query = new URLSearchParams({
    org: env['INFLUX_ORG'] as string,
    bucket: env['INFLUX_BUCKET'] as string,
    precision: 'ms',
  });
  const url = `${env['INFLUX_URL']}/api/v2/write?${query}`;
  const headers = { authorization: `Token ${env['INFLUX_TOKEN']}` };
  const pid = pids['influxDb'] as number;
  const cpuBefore = cpuSeconds(pid);
  const startedAt = performance.now();
  const writeAll = async (): Promise<void> => {
    for (let body = bodies.pop(); body !== undefined; body = bodies.pop()) {
      const answer = await fetch(url, { method: 'POST', headers, body, signal });
      if (answer.status !== 204)
        throw new Error(`InfluxDB answered ${answer.status}: ${await answer.text()}`);
    }
  };
  await Promise.all(Array.from({ length: WRITES_AT_ONCE }, writeAll));
  return {
    storedPerSecond: readings / ((performance.now() - startedAt) / 1000),
    influxDbMiB: residentMiB(pid),
    influxDbCpuMicros: ((cpuSeconds(pid) - cpuBefore) / readings) * 1e6,
  };
}

/** The last write first. */
function linesOf(devices: number, count: number, batch: number): Buffer[] {
  const schema = loadSchemas().get(SCHEMA);
  if (schema === undefined) throw new Error(`there is no schema ${SCHEMA}`);
  const required = [...schema.fields].flatMap(([name, { required }]) => (required ? [name] : []));
  const source = new ReadingSource(schema, randomStreams(1).next().value);
  const values = Array.from({ length: 64 }, () => {
    const next: Readonly<Record<string, unknown>> = source.next();
    return required.map((name) => `${name}=${next[name]}`).join(',');
  });
  const firstTs = Date.now() - count * batch;
  const bodies: Buffer[] = [];
  let lines: string[] = [];
  for (let message = 0; message < count; message++) {
    for (let device = 0; device < devices; device++) {
      for (let seq = message * batch; seq < (message + 1) * batch; seq++) {
        lines.push(
          `environment,device=alone-${device} ${values[seq % 64]},seq=${seq}i,schemaVersion=1i ${firstTs + seq}`,
        );
        if (lines.length < LINES_A_WRITE) continue;
        bodies.push(Buffer.from(lines.join('\n')));
        lines = [];
      }
    }
  }
  if (lines.length > 0) bodies.push(Buffer.from(lines.join('\n')));
  return bodies.reverse();
}
