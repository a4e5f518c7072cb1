import { generate } from 'mqtt-packet';
import { telemetryTopic } from '#contract/device-topic.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import type { RandomStream } from '#simulator/random-stream.ts';
import { ReadingSource } from '#simulator/reading-source.ts';

export interface PublishPlan {
  readonly deviceId: string;
  readonly schema: ReadingSchema;
  /** Messages. */
  readonly count: number;
  /** Readings of a message; one reading is sent without an array around it. */
  readonly batch: number;
  /** Only the values that the schema requires. */
  readonly small: boolean;
  readonly protocolVersion: 4 | 5;
  /** `ts` of the first reading, milliseconds; each further one is a millisecond later. */
  readonly firstTs: number;
}

/** The QoS 1 PUBLISH packets of one device, one behind the other. */
export interface EncodedPublishes {
  readonly bytes: Buffer;
  /** Where each packet ends. */
  readonly ends: Uint32Array;
}

/** Values repeat after so many readings; `ts` and `seq` do not. */
const DIFFERENT_VALUES = 64;

/** Packet ids rise by one from 1, and start again after 65,535. */
export function packetIdOf(index: number): number {
  return (index % 65_535) + 1;
}

export function encodePublishes(plan: PublishPlan, random: RandomStream): EncodedPublishes {
  const { deviceId, schema, count, batch, small, firstTs, protocolVersion } = plan;
  const source = new ReadingSource(schema, random);
  const isSent = (name: string): boolean => !small || schema.fields.get(name)?.required === true;
  const values = Array.from({ length: DIFFERENT_VALUES }, () =>
    JSON.stringify(Object.fromEntries(Object.entries(source.next()).filter(([name]) => isSent(name)))),
  );
  const readingText = (seq: number): string =>
    `{"schema":"${schema.name}","ts":${firstTs + seq},"seq":${seq},"values":${values[seq % DIFFERENT_VALUES]}}`;
  const topic = telemetryTopic(deviceId);
  const packets: Buffer[] = [];
  const ends = new Uint32Array(count);
  let end = 0;
  for (let index = 0; index < count; index++) {
    const readings = Array.from({ length: batch }, (_, i) => readingText(index * batch + i));
    const payload = batch === 1 ? (readings[0] as string) : `[${readings.join(',')}]`;
    const packet = generate(
      { cmd: 'publish', topic, payload, qos: 1, messageId: packetIdOf(index), dup: false, retain: false },
      { protocolVersion },
    );
    packets.push(packet);
    end += packet.length;
    ends[index] = end;
  }
  return { bytes: Buffer.concat(packets), ends };
}
