import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import { bytesOf, connectPacket, publishPacket, RawClient } from '#ingest-gateway/testing/raw-client.ts';
import { reading, startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import { TokenBucket } from '#ingest-gateway/token-bucket.ts';
import { eventually } from '#runtime/testing/eventually.ts';
import { ReadGate } from './read-gate.ts';
import { Turns } from './turns.ts';

const UNLIMITED_RATE = { messagesPerSecond: 1e9, messageBurst: 1e9 };
/** Messages that a slice of 16 KiB can hold, at the sizes used here. */
const SLICE_MESSAGES = 256;

const seqsOf = (test: TestGateway): number[] =>
  test.log.records.map(({ value }) => JSON.parse(Buffer.from(value ?? []).toString()).seq as number);
const upTo = (count: number): number[] => [...Array(count).keys()];

describe('read gate', () => {
  it('[P6] 100,000 pipelined publishes against a held log stay at the bounds, and none is lost or reordered', async () => {
    const limits = { ...UNLIMITED_RATE, inflightMessagesPerDevice: 1_000 };
    await using test = await startTestGateway({ limits, mqtt: { ackDeadlineMs: 60_000 } });
    const client = await RawClient.device(test.port, 'dev-1', { keepalive: 0 });
    const count = 100_000;
    const ts = Date.now();
    test.log.hold();
    for (let from = 0; from < count; from += 1_000) {
      const packets = upTo(1_000).map((i) =>
        publishPacket('dev-1', reading(from + i, ts), ((from + i) % 65_535) + 1),
      );
      client.send(...packets);
    }
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    const paused = Number(await test.metric('ingest_inflight_messages'));
    expect(paused).toBeGreaterThanOrEqual(1_000);
    expect(paused).toBeLessThan(1_000 + SLICE_MESSAGES);
    const heap = process.memoryUsage().arrayBuffers;
    // Nothing more is read, however many turns go by and however much the socket holds.
    for (let i = 0; i < 1_000; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(await test.metric('ingest_inflight_messages')).toBe(paused);
    expect(test.log.waiting).toHaveLength(paused);
    expect(process.memoryUsage().arrayBuffers - heap).toBeLessThan(4 * 1024 * 1024);
    expect(client.received).toEqual([]);
    test.log.release();
    const acks = await client.take(count);
    expect(acks.map(({ messageId }) => messageId)).toEqual(upTo(count).map((i) => (i % 65_535) + 1));
    expect(seqsOf(test)).toEqual(upTo(count));
    expect(await test.metric('ingest_paused_devices')).toBe(0);
    expect(await test.metric('ingest_inflight_bytes')).toBe(0);
  });

  it('[P6] the bound of all devices together holds, and every device gets its turn afterwards', async () => {
    const limits = { ...UNLIMITED_RATE, inflightMessages: 500, inflightMessagesPerDevice: 400 };
    await using test = await startTestGateway({ limits, mqtt: { ackDeadlineMs: 60_000 } });
    const devices = upTo(20).map((i) => `dev-${i}`);
    const clients = await Promise.all(devices.map((id) => RawClient.device(test.port, id)));
    test.log.hold();
    for (const [index, client] of clients.entries()) {
      client.send(...upTo(200).map((i) => publishPacket(`dev-${index}`, reading(i), i + 1)));
    }
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBeGreaterThan(10));
    expect(await test.metric('ingest_inflight_messages')).toBeLessThan(500 + SLICE_MESSAGES);
    test.log.release();
    for (const client of clients) {
      const acks = await client.take(200);
      expect(acks.map(({ messageId }) => messageId)).toEqual(upTo(200).map((i) => i + 1));
    }
  });

  it('[P6] the bound in bytes holds for one device', async () => {
    const limits = { ...UNLIMITED_RATE, inflightBytesPerDevice: 256 * 1024 };
    await using test = await startTestGateway({ limits, mqtt: { ackDeadlineMs: 60_000 } });
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    const large = Buffer.alloc(100_000, 'x');
    client.send(...upTo(20).map((i) => publishPacket('dev-1', large, i + 1)));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    expect(await test.metric('ingest_inflight_messages')).toBe(3);
    test.log.release();
    expect(await client.take(20)).toHaveLength(20);
  });

  it('[P6] a device above its rate is slowed, nothing is dropped', async () => {
    await using test = await startTestGateway({ limits: { messagesPerSecond: 100, messageBurst: 100 } });
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(...upTo(600).map((i) => publishPacket('dev-1', reading(i), i + 1)));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    expect(test.log.waiting.length).toBeLessThan(600);
    test.log.release();
    expect(await client.take(600)).toHaveLength(600);
    expect(seqsOf(test)).toEqual(upTo(600));
  });

  it('[P6] a reconnect does not refill the bucket', async () => {
    await using test = await startTestGateway({ limits: { messagesPerSecond: 0.001, messageBurst: 100 } });
    const first = await RawClient.device(test.port, 'dev-1');
    first.send(...upTo(200).map((i) => publishPacket('dev-1', reading(i), i + 1)));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    const before = test.log.records.length;
    const second = await RawClient.device(test.port, 'dev-1');
    second.send(...upTo(200).map((i) => publishPacket('dev-1', reading(i), i + 1)));
    await first.closed;
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    expect(test.log.records).toHaveLength(before);
  });

  it('[P6] a batch of bad readings is not paid by what was saved up', async () => {
    await using test = await startTestGateway({ limits: { messagesPerSecond: 0.001, messageBurst: 2_000 } });
    const client = await RawClient.device(test.port, 'dev-1');
    const bad = JSON.stringify(Array.from({ length: 50 }, (_, seq) => ({ seq })));
    // Each in slices of its own.
    const batch = (id: number) => publishPacket('dev-1', bad + ' '.repeat(40_000), id);
    client.send(batch(1), batch(2), batch(3));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    expect(test.log.records).toHaveLength(50);
  });

  it('keeps the parser intact when QoS 0 publishes complete while it runs', async () => {
    await using test = await startTestGateway({ limits: UNLIMITED_RATE });
    const client = await RawClient.device(test.port, 'dev-1');
    const count = 20_000;
    // Sizes that fit no slice: every boundary falls somewhere else.
    const padding = (i: number): string => ' '.repeat((i * 37) % 501);
    client.send(
      ...upTo(count).map((i) => publishPacket('dev-1', reading(i) + padding(i), 0, { qos: 0 })),
      publishPacket('dev-1', reading(count), 1),
    );
    expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    expect(seqsOf(test)).toEqual(upTo(count + 1));
  });

  it('reads packets that are larger than a slice, and single bytes', async () => {
    await using test = await startTestGateway({ limits: UNLIMITED_RATE });
    const client = await RawClient.device(test.port, 'dev-1');
    client.socket.setNoDelay(true);
    client.send(publishPacket('dev-1', reading(0) + ' '.repeat(60_000), 1));
    for (const byte of bytesOf(publishPacket('dev-1', reading(1), 2))) {
      client.send(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect((await client.take(2)).map(({ messageId }) => messageId)).toEqual([1, 2]);
    expect(seqsOf(test)).toEqual([0, 1]);
  });

  it('[P4] takes a CONNECT and hundreds of publishes in one write, in order', async () => {
    await using test = await startTestGateway({ limits: UNLIMITED_RATE });
    const client = await RawClient.open(test.port);
    const tiny = upTo(500).map((i) => publishPacket('d', '1', i + 1));
    const rest = upTo(500).map((i) => publishPacket('d', reading(i), i + 501));
    client.send(connectPacket('d'), ...tiny, ...rest);
    expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
    expect((await client.take(1_000)).map(({ messageId }) => messageId)).toEqual(
      upTo(1_000).map((i) => i + 1),
    );
    expect(test.log.records).toHaveLength(1_000);
  });

  it('takes what a device wrote before it ended its side', async () => {
    await using test = await startTestGateway({ limits: UNLIMITED_RATE });
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(...upTo(2_000).map((i) => publishPacket('dev-1', reading(i), 0, { qos: 0 })));
    client.socket.end();
    await client.closed;
    await eventually(() => expect(seqsOf(test)).toEqual(upTo(2_000)));
  });

  it('answers PINGREQ of a device below its bound while the log is held', async () => {
    await using test = await startTestGateway();
    const client = await RawClient.device(test.port, 'dev-1');
    test.log.hold();
    client.send(...upTo(20).map((i) => publishPacket('dev-1', reading(i), i + 1)), { cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
    test.log.release();
    expect(await client.take(20)).toHaveLength(20);
  });

  it('[P6] reads no more from a client that does not take its answers', async () => {
    const taken: (() => void)[] = [];
    const stream = new Duplex({
      read() {},
      write: (_chunk, _encoding, done) => void taken.push(done),
      writableHighWaterMark: 10,
    });
    const pauses: boolean[] = [];
    const gate = new ReadGate(stream, new Turns(128), {
      paused: (paused) => pauses.push(paused),
      unread: () => undefined,
    });
    const budget = new InflightBudget(10, 10_000);
    gate.open({ budgets: [budget], bucket: new TokenBucket(1e9, 1e9, performance.now()) });
    stream.push('input');
    stream.write('an answer that is too long');
    expect(stream.read()).toBe(null);
    expect(pauses).toEqual([true]);
    const readable = new Promise<unknown>((resolve) =>
      stream.on('readable', () => {
        const slice: unknown = stream.read();
        if (slice !== null) resolve(slice);
      }),
    );
    for (const done of taken.splice(0)) done();
    expect(String(await readable)).toBe('input');
    expect(pauses).toEqual([true, false]);
  });

  it('[P10] who says little is read at once, while a hundred others wait in line with all they have', async () => {
    const begins: (() => void)[] = [];
    const turns = new Turns(128, (begin) => begins.push(begin));
    const turn = async (): Promise<void> => {
      begins.pop()?.();
      await new Promise((resolve) => setImmediate(resolve));
    };
    const open = () => {
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
      const gate = new ReadGate(stream, turns, { paused: () => undefined, unread: () => undefined });
      const bucket = new TokenBucket(1e9, 1e9, performance.now());
      gate.open({ budgets: [new InflightBudget(10, 10_000)], bucket });
      const connection = { stream, packets: 0 };
      stream.on('readable', () => {
        for (let slice = stream.read(); slice !== null; slice = stream.read())
          connection.packets += slice.length / 2;
      });
      return connection;
    };
    const pings = Buffer.alloc(20_000, Buffer.from([0xc0, 0]));
    const greedy = Array.from({ length: 100 }, open);
    const quiet = open();
    for (const { stream } of greedy) stream.push(pings);
    await turn();
    const read = () => greedy.reduce((sum, { packets }) => sum + packets, 0);
    expect(read(), 'each its first slice').toBe(100 * 128);
    for (let i = 1; i <= 20; i++) {
      quiet.stream.push(Buffer.from([0xc0, 0]));
      await turn();
      expect([quiet.packets, read()]).toEqual([i, (100 + 32 * i) * 128]);
    }
    expect(Math.max(...greedy.map(({ packets }) => packets)) / 128, 'in their order').toBeLessThan(9);
  });

  it('[P10] nor does one that was just let in, or has little when it may read again, wait in line', async () => {
    const turns = new Turns(128, () => undefined);
    for (let i = 0; i < 100; i++) turns.wait(() => undefined);
    const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
    const gate = new ReadGate(stream, turns, { paused: () => undefined, unread: () => undefined });
    const slices: string[] = [];
    stream.on('readable', () => {
      for (let slice = stream.read(); slice !== null; slice = stream.read()) slices.push(String(slice));
    });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const ping = Buffer.from([0xc0, 0]);
    gate.hold();
    stream.push(ping);
    await turn();
    const allowance = {
      budgets: [new InflightBudget(10, 10_000)],
      bucket: new TokenBucket(1e9, 1e9, performance.now()),
    };
    gate.open(allowance);
    await turn();
    await turn();
    expect(slices, 'let in').toHaveLength(1);
    gate.hold();
    stream.push(ping);
    await turn();
    expect(slices).toHaveLength(1);
    gate.open(allowance);
    gate.hold();
    await turn();
    gate.open(allowance);
    gate.resume();
    expect(slices, 'woken').toHaveLength(2);
  });

  it('[P6] takes no more in pieces of a byte than a few, counts what they take, and goes on when it may', async () => {
    let asked = 0;
    const stream = new Duplex({
      read: () => void asked++,
      write: (_chunk, _encoding, done) => done(),
      readableHighWaterMark: 16 * 1024,
    });
    let unread = 0;
    const gate = new ReadGate(stream, new Turns(128), {
      paused: () => undefined,
      unread: (bytes) => {
        unread = bytes;
      },
    });
    stream.on('readable', () => undefined);
    gate.hold();
    let taken = 0;
    while (taken < 1_000 && stream.push(Buffer.from([0xc0 * ((taken + 1) % 2)]))) taken++;
    expect(taken).toBe(64);
    expect(unread).toBe(65 * (256 + 1));
    await new Promise((resolve) => setImmediate(resolve));
    const before = asked;
    stream.read(0);
    expect(asked, 'nothing more is fetched').toBe(before);
    const packets: unknown[] = [];
    stream.on('readable', () => {
      for (let slice = stream.read(); slice !== null; slice = stream.read()) packets.push(slice);
    });
    const bucket = new TokenBucket(1e9, 1e9, performance.now());
    gate.open({ budgets: [new InflightBudget(10, 10_000)], bucket });
    await eventually(() => expect(packets.join('')).toHaveLength(65));
    expect(asked).toBeGreaterThan(before);
    await eventually(() => expect(unread).toBe(0));
    expect(stream.push(Buffer.from([0xc0, 0]))).toBe(true);
  });

  it('keeps nothing of a connection that ends while paused', async () => {
    const limits = { ...UNLIMITED_RATE, inflightMessagesPerDevice: 10 };
    await using test = await startTestGateway({ limits });
    test.log.hold();
    const client = await RawClient.device(test.port, 'dev-1');
    client.send(...upTo(1_000).map((i) => publishPacket('dev-1', reading(i), i + 1)));
    await eventually(async () => expect(await test.metric('ingest_paused_devices')).toBe(1));
    const second = await RawClient.device(test.port, 'dev-1');
    await client.closed;
    // The bounds are the device's: its next connection waits for the messages of the last one.
    expect(await test.metric('ingest_paused_devices')).toBe(1);
    test.log.release();
    second.send(publishPacket('dev-1', reading(5_000), 1));
    expect(await second.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
    expect(seqsOf(test).at(-1)).toBe(5_000);
    expect(await test.metric('ingest_paused_devices')).toBe(0);
  });
});
