import { readFileSync } from 'node:fs';
import { connect } from 'mqtt';
import type { ClientTask } from './foreign-client.ts';

/** A device with MQTT.js, started like those of `services/mqtt-clients/`. */
const task = JSON.parse(process.argv[2] ?? '') as ClientTask;
/** Times count from here, one millisecond a reading: two in the same one would merge. */
const started = Date.now();
const say = (what: object): void => void process.stdout.write(`${JSON.stringify(what)}\n`);
const client = connect(task.url, {
  clientId: task.id,
  protocolVersion: 5,
  clean: false,
  reconnectPeriod: 100,
  properties: { sessionExpiryInterval: 600 },
  ...(task.caFile !== undefined && { ca: readFileSync(task.caFile) }),
});
client.on('connect', ({ sessionPresent }) => say({ sessionPresent }));
client.on('error', (error) => void process.stderr.write(`${error.message}\n`));

async function publish(seq: number): Promise<void> {
  const temperature = seq % task.badEvery === 0 ? 'hot' : 20;
  const values = { temperature, humidity: 40 };
  const payload = JSON.stringify({ schema: 'environment/1', ts: started + seq, seq, values });
  const options = { qos: task.qos as 0 | 1 | 2, properties: { topicAlias: 1 } };
  const code = await new Promise<number>((resolve) => {
    // A refusal is an error here, with its code.
    client.publish(`devices/${task.id}/telemetry`, payload, options, (error) =>
      resolve((error as { code?: number } | null)?.code ?? 0),
    );
  });
  if (task.qos > 0) say({ seq, code });
}

const receiveMaximum = await new Promise<number>((resolve) => {
  client.once('connect', ({ properties }) => resolve(properties?.receiveMaximum ?? 65_535));
});
let next = 0;
// It does not look at the Receive Maximum of the server by itself.
const worker = async (): Promise<void> => {
  while (next < task.count) await publish(next++);
};
await Promise.all(Array.from({ length: receiveMaximum }, worker));
await client.endAsync();
