import { setTimeout as sleep } from 'node:timers/promises';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { openEventLog } from '#event-log/open-event-log.ts';
import { doneBefore } from '#runtime/abort-signal.ts';
import type { Deps } from '#runtime/deps.ts';
import type { Settings } from '#runtime/settings.ts';
import { chooseSchemas } from '#simulator/choose-schemas.ts';
import { startFleet } from '#simulator/fleet.ts';
import { Ledger } from '#simulator/ledger.ts';
import { describeProgress } from '#simulator/report.ts';
import type { Verification } from '#simulator/verification.ts';
import { verifyLedger } from '#simulator/verify-ledger.ts';
import { openTelemetryStore } from '#telemetry-store/open-telemetry-store.ts';
import { PipelineProcess } from './pipeline-process.ts';

const DEVICES = 50;
const BATCH = 5;
/** Messages a second of one device, and how much more while it bursts. */
const RATE = 4;
const BURST = { burstFactor: 10, burstEvery: 20, burstLength: 8 };
const DURATION_MS = 30_000;
/** Into the first burst: the last seconds of its period. */
const KILL_AFTER_MS = 16_000;
const DOWN_MS = 3_000;

export interface DemoOptions {
  /** Of the embedded pipeline: its data folder and MQTT port. */
  readonly settings: Settings;
  readonly httpPort: number;
  readonly schemas: SchemaRegistry;
  readonly tell: (line: string) => void;
  /** What goes on right now, for whoever shows it while nothing is told; asked for whenever it is to be shown. */
  readonly meanwhile: (line: () => string) => void;
  /** Ends the demo, and everything that it started. */
  readonly signal: AbortSignal;
}

/**
 * The promise in a minute: devices publish, burst, and the pipeline is killed in the middle of it; it is started again,
 * and every reading that was acknowledged is found, stored or dead-lettered.
 *
 * @returns what was found; `ok` says whether the books close.
 * @throws the reason of `signal` when it fires.
 */
export async function runDemo(options: DemoOptions, deps: Deps): Promise<Verification> {
  const { settings, httpPort, schemas, tell, meanwhile, signal } = options;
  const startedAt = performance.now();
  const say = (text: string): void => {
    tell(`${((performance.now() - startedAt) / 1000).toFixed(1).padStart(5)} s  ${text}`);
  };
  const env = { DATA_DIR: settings.dataDir, MQTT_PORT: String(settings.mqtt.port), LOG_LEVEL: 'warn' };
  await using pipeline = new PipelineProcess({ command: ['standalone/main.ts'], env, httpPort, signal });
  meanwhile(() => 'starting the pipeline …');
  await pipeline.start();
  say(`The pipeline runs (process ${pipeline.pid}): MQTT, event log, writer and store in one.`);

  const ledger = new Ledger();
  await using fleet = startFleet(
    {
      urls: [`mqtt://127.0.0.1:${settings.mqtt.port}`],
      devices: Array.from({ length: DEVICES }, (_, index) => ({ id: `demo-${index + 1}` })),
      schemas: chooseSchemas(schemas),
      seed: Math.floor(deps.random() * 2 ** 32),
      batch: BATCH,
      qos: 1,
      pace: { rate: RATE, ...BURST },
      durationMs: DURATION_MS,
      malformed: 0.01,
      disconnect: 0.1,
      giveUpAfterMs: 30_000,
    },
    { ...deps, ledger },
  );
  meanwhile(() => describeProgress(fleet.progress()));
  say(`${DEVICES} devices publish ${RATE * BATCH} readings a second each. Some lose their connection,`);
  tell('         one reading in a hundred is malformed.');
  await sleep(KILL_AFTER_MS - BURST.burstLength * 500, undefined, { signal });
  say(`A burst: every device publishes ${BURST.burstFactor} times as fast.`);
  await sleep(BURST.burstLength * 500, undefined, { signal });

  const before = fleet.progress();
  await pipeline.kill();
  say(
    `SIGKILL in the middle of it: ${count(before.sent)} readings sent, ${count(before.acked)} acknowledged.`,
  );
  tell('         The devices keep what was not acknowledged, and try to come back.');
  await sleep(DOWN_MS, undefined, { signal });
  await pipeline.start();
  say(`The pipeline is started again (process ${pipeline.pid}), on the files that the dead one left.`);

  await doneBefore(signal, fleet.ended);
  signal.throwIfAborted();
  const outcome = await fleet.ended;
  const after = fleet.progress();
  say(
    `The devices are done (${outcome}): ${count(after.sent)} readings sent, ${count(after.acked)} acknowledged.`,
  );
  meanwhile(() => 'looking for each of them in log, dead letters and store …');
  const verification = await verify(options, ledger, deps);
  say('The books, to the single reading:');
  for (const line of books(verification)) tell(`         ${line}`);
  return verification;
}

async function verify(options: DemoOptions, ledger: Ledger, deps: Deps): Promise<Verification> {
  const { settings, signal } = options;
  await using log = await openEventLog(settings, 'beside', deps);
  await using store = await openTelemetryStore(settings, 'beside', deps);
  const { topics, consumerGroup } = settings;
  // Awaited here: log and store close when this function ends.
  return await verifyLedger(
    ledger,
    { deadLetterTopic: topics.deadLetters, consumerGroup, timeoutMs: 30_000, signal },
    { log, store },
  );
}

function books(found: Verification): string[] {
  const { acked, stored, deadLettered, missing, pending, ok } = found;
  return [
    `acknowledged   ${count(acked)}`,
    `stored         ${count(stored)}`,
    `dead-lettered  ${count(deadLettered)}`,
    `pending        ${count(pending)}${pending > 0 ? '  (never acknowledged; their devices would send them again)' : ''}`,
    `missing        ${count(missing)}`,
    ok ? 'Every acknowledged reading is stored or dead-lettered.' : 'THE BOOKS DO NOT CLOSE.',
  ];
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
