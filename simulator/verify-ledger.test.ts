import { expect, test } from 'vitest';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import type { EventLog } from '#event-log/event-log.ts';
import { PipelineError } from '#runtime/errors.ts';
import { DeviceScript, type Message } from './device-script.ts';
import { Ledger } from './ledger.ts';
import { randomStreams } from './random-stream.ts';
import { PretendPipeline, SCHEMAS } from './testing/pretend-pipeline.ts';
import type { Verification } from './verification.ts';
import { verifyLedger } from './verify-ledger.ts';

interface Run {
  readonly pipeline: PretendPipeline;
  readonly ledger: Ledger;
  readonly messages: readonly (readonly [device: number, message: Message])[];
}

const DEVICES = ['a', 'bb', 'c'];

/** Three devices and their messages, all of them acknowledged and in the pipeline unless told otherwise. */
function run(
  options: { acked?: boolean; delivered?: boolean; malformed?: number; startedAt?: number } = {},
): Run {
  const { acked = true, delivered = true, malformed = 0.1, startedAt = Date.now() - 60_000 } = options;
  const pipeline = new PretendPipeline();
  const ledger = new Ledger();
  const streams = randomStreams(2);
  const schema = SCHEMAS.get('environment/1') as ReadingSchema;
  const messages = DEVICES.flatMap((id, device) => {
    ledger.device(device, id);
    const settings = { schema, batch: 5, malformed, late: 0.2, duplicate: 0, startedAt };
    const script = new DeviceScript(settings, streams.next().value, streams.next().value);
    return Array.from({ length: 40 }, () => {
      const message = script.next(0, script.ready);
      for (const reading of message.readings) ledger.sent(device, reading);
      if (acked) acknowledge(ledger, device, message);
      if (delivered) pipeline.take(id, message.payload);
      return [device, message] as const;
    });
  });
  return { pipeline, ledger, messages };
}

function acknowledge(ledger: Ledger, device: number, { readings }: Message): void {
  ledger.acked(device, readings[0].seq, readings[0].seq + readings.length - 1);
}

function verify(
  { ledger, pipeline }: Run,
  timeoutMs = 0,
  log: EventLog = pipeline.log,
): Promise<Verification> {
  const options = { deadLetterTopic: 'dlq', consumerGroup: 'any', timeoutMs };
  return verifyLedger(ledger, options, { log, store: pipeline.store });
}

/** sent = stored + deadLettered + pending + missing, whatever happened. */
function expectClosed({ sent, stored, deadLettered, pending, missing }: Verification): void {
  expect(stored + deadLettered + pending + missing).toBe(sent);
}

test('[P8] the books close when everything is where it belongs', async () => {
  const done = run();
  const result = await verify(done);
  const sent = done.messages.reduce((sum, [, message]) => sum + message.readings.length, 0);
  expect(result).toMatchObject({ sent, acked: sent, pending: 0, missing: 0, duplicates: 0, ok: true });
  expect(result.malformed).toBeGreaterThan(0);
  expect(result.deadLettered).toBe(result.malformed);
  expectClosed(result);
});

test('[P2] a reading that was removed from the store is found out, to the single one', async () => {
  const done = run();
  const [removed] = done.pipeline.stored.splice(77, 1);
  const result = await verify(done);
  expect(result).toMatchObject({ missing: 1, ok: false });
  expect(result.missingReadings).toEqual([
    { device: removed?.deviceId, seq: removed?.seq, ts: removed?.ts, expected: 'stored', found: 'nothing' },
  ]);
  expectClosed(result);
});

test('[P2] a value that was changed is found out', async () => {
  const done = run();
  const victim = done.pipeline.stored[50];
  if (victim === undefined) throw new Error('nothing stored');
  done.pipeline.stored[50] = { ...victim, values: { ...victim.values, temperature: 20.001 } };
  const result = await verify(done);
  expect(result).toMatchObject({ missing: 1, ok: false });
  expect(result.missingReadings[0]).toMatchObject({ seq: victim.seq, found: 'other content' });
  expectClosed(result);
});

test('[P2] a lost dead letter, or one whose bytes were changed, is found out', async () => {
  const done = run();
  const changed = done.pipeline.letters[0]?.value as Buffer;
  changed[0] = 0;
  const lost = done.pipeline.letters.findLast(({ partition }) => partition === 0);
  done.pipeline.letters.splice(done.pipeline.letters.indexOf(lost as never), 1);
  const result = await verify(done);
  expect(result).toMatchObject({ missing: 2, ok: false });
  expect(result.missingReadings.map(({ expected }) => expected)).toEqual(['dead-lettered', 'dead-lettered']);
});

test('a malformed reading that was stored after all is missing from the dead letters', async () => {
  const done = run();
  const letter = done.pipeline.letters.findIndex(
    ({ headers }) => headers['dlq.reason'] === 'schema-violation',
  );
  const [removed] = done.pipeline.letters.splice(letter, 1);
  expect(removed).toBeDefined();
  expect((await verify(done)).missing).toBe(1);
});

test('what was never acknowledged is pending when it is nowhere, and counted where it is when it arrived', async () => {
  const nowhere = await verify(run({ acked: false, delivered: false }));
  expect(nowhere).toMatchObject({ acked: 0, stored: 0, pending: nowhere.sent, missing: 0, ok: true });
  const arrived = await verify(run({ acked: false }));
  expect(arrived).toMatchObject({ acked: 0, pending: 0, missing: 0, ok: true });
  expect(arrived.stored + arrived.deadLettered).toBe(arrived.sent);
  const acknowledged = await verify(run({ delivered: false }));
  expect(acknowledged).toMatchObject({ missing: acknowledged.sent, pending: 0, ok: false });
  expect(acknowledged.missingReadings).toHaveLength(100);
});

test('a reading that the store refused is accounted for by its letter; one in both places is a duplicate', async () => {
  const done = run();
  const { pipeline } = done;
  const [refused] = pipeline.stored.splice(10, 1);
  const both = pipeline.stored[20];
  for (const reading of [refused, both]) {
    if (reading === undefined) throw new Error('nothing stored');
    const { deviceId, ...rest } = reading;
    // As the writer does: the bytes are those of the record, with keys in any order.
    const { schema, ts, seq, values } = rest;
    pipeline.letter(deviceId, Buffer.from(JSON.stringify({ values, seq, ts, schema })), 'store-rejected');
  }
  const result = await verify(done);
  expect(result).toMatchObject({ missing: 0, duplicates: 1, ok: true, deadLettered: result.malformed + 1 });
  expectClosed(result);
});

test('a second letter of the same reading is a duplicate', async () => {
  const done = run();
  const letter = done.pipeline.letters[3];
  done.pipeline.letter(letter?.key?.toString() ?? '', letter?.value as Buffer, 'schema-violation');
  expect(await verify(done)).toMatchObject({ missing: 0, duplicates: 1, ok: true });
});

test('another run of the same devices, with the same seed, changes nothing', async () => {
  const done = run();
  const other = run({ startedAt: Date.now() - 30_000 });
  done.pipeline.stored.push(...other.pipeline.stored);
  const expected = await verify(run());
  for (const { key, value } of other.pipeline.letters) {
    done.pipeline.letter(key?.toString() ?? '', value as Buffer, 'schema-violation');
  }
  const result = await verify(done);
  expect(result).toMatchObject({ stored: expected.stored, deadLettered: expected.deadLettered, missing: 0 });
});

test('readings of another run are not taken for changed ones of this run', async () => {
  const startedAt = Date.now() - 60_000;
  const lost = run({ acked: false, delivered: false, startedAt });
  lost.pipeline.stored.push(...run({ startedAt: startedAt + 1 }).pipeline.stored);
  expect(await verify(lost)).toMatchObject({ stored: 0, missing: 0, ok: true });
});

test('it waits for what comes late, asking only for what is still open', async () => {
  const done = run({ delivered: false });
  const { pipeline, messages } = done;
  const late = setInterval(() => {
    const next = messages.slice(delivered, delivered + 30);
    for (const [device, message] of next) pipeline.take(DEVICES[device] as string, message.payload);
    delivered += next.length;
    if (next.length === 0) clearInterval(late);
  }, 100);
  let delivered = 0;
  const result = await verify(done, 5_000);
  expect(result).toMatchObject({ missing: 0, ok: true });
  expect(pipeline.scanned).toBeLessThan(3 * result.stored);
});

test('it gives up when nothing more comes, and says so when it could not look', async () => {
  const done = run();
  done.pipeline.stored.pop();
  const startedAt = performance.now();
  expect((await verify(done, 300)).missing).toBe(1);
  // Timers fire a little early.
  expect(performance.now() - startedAt).toBeGreaterThan(250);

  const away = new PipelineError('event-log-unavailable', 'no broker', { retryable: true });
  const log = { progress: () => Promise.reject(away) } as unknown as EventLog;
  await expect(verify(run(), 300, log)).rejects.toBe(away);
});

test('a log that was away for a while is asked again', async () => {
  const done = run();
  let failures = 2;
  const { log } = done.pipeline;
  const flaky = {
    ...log,
    progress: (topic: string, group: string) =>
      failures-- > 0
        ? Promise.reject(new PipelineError('event-log-unavailable', 'no broker', { retryable: true }))
        : log.progress(topic, group),
  };
  expect(await verify(done, 5_000, flaky)).toMatchObject({ missing: 0, duplicates: 0, ok: true });
});
