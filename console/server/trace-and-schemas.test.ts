import { describe, expect, it } from 'vitest';
import type {
  DeviceCharts,
  DeviceReadings,
  DeviceSeries,
  DeviceStory,
  DevicesPage,
} from '#console/api/devices.ts';
import type { Judgement, MappingList, SchemaList, SchemaStory } from '#console/api/schemas.ts';
import type { TraceAnswer } from '#console/api/trace.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { gapsIn } from './devices/device-readings.ts';
import { goodReading, TestConsole } from './testing/test-console.ts';

/** A console over the log and store of another one; the store answers once it may, and not before. */
async function behindHeldStore(before: TestConsole) {
  const { promise: held, resolve: goOn } = Promise.withResolvers<void>();
  const store = {
    latest: async (...asked) => held.then(() => before.store.latest(...asked)),
    async *scan(range) {
      await held;
      yield* before.store.scan(range);
    },
  } satisfies Partial<TelemetryStore> as unknown as TelemetryStore;
  const parts = { eventLog: before.eventLog, store };
  return { test: await TestConsole.start({ writes: false, parts }), goOn };
}

describe('a store that is silent', () => {
  it('hides neither what the gateway knows of a device nor what the log knows of a reading', async () => {
    await using before = await TestConsole.start({ writes: false });
    const { test, goOn } = await behindHeldStore(before);
    await using _test = test;
    await test.publish('dev-1', goodReading(1));
    const [story, trace, nobody] = await Promise.all([
      test.get<DeviceStory>('/devices/dev-1'),
      test.get<TraceAnswer>('/trace?device=dev-1&seq=1'),
      test.ask('/api/v1/devices/dev-2'),
    ]);
    expect(story).toMatchObject({ connected: true, accepted: 1, gaps: null, schemas: [] });
    expect(trace.verdict).toBe('waiting');
    expect(trace.stations.find(({ name }) => name === 'store')).toMatchObject({
      state: 'unknown',
      detail: expect.stringContaining('has not answered'),
    });
    expect(nobody.status, 'whether there is one is not known').toBe(503);
    goOn();
    expect((await test.ask('/api/v1/devices/dev-2')).status).toBe(404);
  });

  it('lets nobody who asks for a trace be refused because another one is looked for', async () => {
    await using before = await TestConsole.start();
    await before.publish('dev-1', goodReading(1));
    const stored = (on: TestConsole) => on.get<TraceAnswer>('/trace?device=dev-1&seq=1');
    await eventually(async () => expect((await stored(before)).verdict).toBe('stored'));
    const { test, goOn } = await behindHeldStore(before);
    await using _test = test;
    const all = Promise.all([stored(test), stored(test), stored(test)]);
    goOn();
    expect((await all).map(({ verdict }) => verdict)).toEqual(['stored', 'stored', 'stored']);
  });
});

describe('a trace', () => {
  it('is the way of a reading, until where it is or why it is stuck', async () => {
    await using test = await TestConsole.start();
    const ts = Date.now();
    await test.publish('dev-1', goodReading(1, ts), '{"schema":"environment/1","seq":2}');
    const stored = await eventually(async () => {
      const trace = await test.get<TraceAnswer>('/trace?device=dev-1&seq=1');
      expect(trace.verdict).toBe('stored');
      return trace;
    });
    expect(stored.stations.map(({ name, state }) => [name, state])).toEqual([
      ['device', 'passed'],
      ['gateway', 'passed'],
      ['event-log', 'passed'],
      ['telemetry-writer', 'passed'],
      ['store', 'passed'],
    ]);
    expect(stored.stations[0]?.at).toBe(ts);
    expect(stored.why).toBeNull();
    expect((await test.get<TraceAnswer>(`/trace?device=dev-1&at=${ts}`)).verdict).toBe('stored');

    const refused = await test.get<TraceAnswer>('/trace?device=dev-1&seq=2');
    expect(refused).toMatchObject({ verdict: 'dead-lettered', why: expect.stringContaining('refused') });
    expect(refused.stations.find(({ name }) => name === 'dead-letter')).toMatchObject({
      state: 'refused',
      letter: '0-0',
    });
    expect((await test.get<TraceAnswer>('/trace?device=dev-1&seq=3')).verdict).toBe('not-found');
    for (const query of [
      'device=dev-1',
      'device=dev-1&seq=1&at=1',
      'device=dev-1&at=yesterday',
      'seq=1',
      'device=%20&seq=1',
    ])
      expect((await test.ask(`/api/v1/trace?${query}`)).status, query).toBe(400);
  });

  it('of a reading that waits says so', async () => {
    await using test = await TestConsole.start({ writes: false });
    await test.publish('dev-1', goodReading(1));
    const trace = await test.get<TraceAnswer>('/trace?device=dev-1&seq=1');
    expect(trace).toMatchObject({ verdict: 'waiting', why: expect.stringContaining('telemetry-writer') });
    expect(trace.stations.find(({ name }) => name === 'event-log')?.state).toBe('here');
  });
});

describe('devices', () => {
  it('are searched, sorted and paged, and one of them tells its story', async () => {
    await using test = await TestConsole.start();
    await test.publish(
      'dev-1',
      goodReading(1),
      goodReading(2, Date.now() + 1),
      goodReading(5, Date.now() + 2),
    );
    const gone = await test.publish('dev-2', '{');
    gone.socket.destroy();
    await eventually(async () => {
      const { counts } = await test.get<DevicesPage>('/devices');
      expect(counts).toMatchObject({ all: 2, connected: 1, silent: 1, refused: 1 });
    });
    const ids = async (query: string) =>
      (await test.get<DevicesPage>(`/devices?${query}`)).devices.map(({ id }) => id);
    expect(await ids('sort=id&order=desc')).toEqual(['dev-2', 'dev-1']);
    expect(await ids('sort=accepted&order=desc')).toEqual(['dev-1', 'dev-2']);
    expect(await ids('search=DEV-2')).toEqual(['dev-2']);
    expect(await ids('search=127.0.0.1')).toEqual(['dev-1', 'dev-2']);
    expect(await ids('state=silent')).toEqual(['dev-2']);
    const page = await test.get<DevicesPage>('/devices?limit=1');
    expect([page.total, page.next]).toEqual([2, '1']);
    expect(await ids(`limit=1&cursor=${page.next}`)).toEqual(['dev-2']);

    const story = await eventually(async () => {
      const told = await test.get<DeviceStory>('/devices/dev-1');
      expect(told.gaps).toEqual([{ schema: 'environment/1', from: 3, to: 4, missing: 2 }]);
      return told;
    });
    expect(story).toMatchObject({ connected: true, accepted: 3, schemas: ['environment/1'] });
    expect(story.connections).toMatchObject([{ event: 'connect', why: null, address: '127.0.0.1' }]);
    expect((await test.get<DeviceStory>('/devices/dev-2')).connections.map(({ event }) => event)).toEqual([
      'disconnect',
      'connect',
    ]);
    const { readings } = await test.get<DeviceReadings>('/devices/dev-1/readings?limit=2');
    expect(readings.map(({ seq }) => seq)).toEqual([5, 2]);
    const series = await test.get<DeviceSeries>(
      '/devices/dev-1/series?schema=environment/1&field=temperature',
    );
    expect(series).toMatchObject({ unit: '°C', values: [21.5, 21.5, 21.5], truncated: false });
    const charts = await test.get<DeviceCharts>('/devices/dev-1/charts?schema=environment/1&minutes=15');
    expect(charts.fields.find(({ field }) => field === 'temperature')).toEqual({
      field: 'temperature',
      unit: '°C',
      times: series.times,
      values: series.values,
    });
    expect(charts.fields.find(({ field }) => field === 'pressure')?.values).toEqual([]);
  });

  it('that began anew have no gap there', () => {
    const of = (...seqs: number[]) => seqs.map((seq, i) => ({ schema: 'a/1', ts: i, seq, values: {} }));
    expect(gapsIn(of(7, 8, 0, 1))).toEqual([]);
    expect(gapsIn(of(7, 9, 0, 4))).toEqual([
      { schema: 'a/1', from: 1, to: 3, missing: 3 },
      { schema: 'a/1', from: 8, to: 8, missing: 1 },
    ]);
  });
});

describe('schemas and mappings', () => {
  it('are told, with an example that passes', async () => {
    await using test = await TestConsole.start({ writes: false, contract: { mappings: ['shelly-gen2'] } });
    await test.publish('dev-1', goodReading(1));
    const { schemas } = await test.get<SchemaList>('/schemas');
    await eventually(async () => {
      await test.get('/flow');
      const { schemas: told } = await test.get<SchemaList>('/schemas');
      expect(told.find(({ name }) => name === 'environment/1')).toMatchObject({ fields: 4, appended: 1 });
    });
    for (const { name } of schemas) {
      const { example } = await test.get<SchemaStory>(`/schemas/${name}`);
      const answer = await test.post('/schemas/try', { topic: 'devices/dev-1/telemetry', payload: example });
      expect(await answer.json(), `${name} ${example}`).toMatchObject({ verdict: 'accepted' });
    }
    expect((await test.get<SchemaStory>('/schemas/environment/1')).fields[0]).toEqual({
      name: 'temperature',
      kind: 'float',
      unit: '°C',
      minimum: -90,
      maximum: 150,
      required: true,
      description: 'Air temperature',
    });
    const { mappings } = await test.get<MappingList>('/mappings');
    expect(mappings.map(({ source }) => source)).toEqual(['shelly-gen2']);
  });

  it('judge a message as the gateway would, and keep nothing of it', async () => {
    await using test = await TestConsole.start({ writes: false });
    const judged = async (topic: string, payload: string) =>
      (await (await test.post('/schemas/try', { topic, payload })).json()) as Judgement;
    const own = 'devices/dev-1/telemetry';
    expect(await judged(own, goodReading(1))).toMatchObject({
      verdict: 'accepted',
      readings: [{ device: 'dev-1' }],
    });
    const batch = `[${goodReading(1)},\n{"schema":"environment/1","ts":${Date.now()},"values":{"temperature":"hot","humidity":1}}]`;
    const partly = await judged(own, batch);
    expect(partly).toMatchObject({ verdict: 'partly', rejects: [{ index: 1, reason: 'schema-violation' }] });
    const [fault] = partly.rejects[0]?.faults ?? [];
    expect(batch.slice(fault?.offset ?? 0, (fault?.offset ?? 0) + (fault?.length ?? 0))).toBe('"hot"');
    expect(fault?.line).toBe(2);
    const bad = '{"schema":"none/1"}';
    const twice = await judged(own, `[${bad},\n${bad}]`);
    expect(twice.rejects.flatMap(({ faults }) => faults.map((it) => [it.line, it.column]))).toEqual([
      [1, 12],
      [2, 11],
    ]);
    expect(await judged('unknown/topic', '1')).toMatchObject({
      verdict: 'dead-lettered',
      rejects: [{ reason: 'unmapped-topic' }],
    });
    expect(await test.metric('ingest_readings_decoded_total')).toBe(0);
  });
});
