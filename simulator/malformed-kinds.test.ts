import { describe, expect, test } from 'vitest';
import { admit } from '#contract/admission.ts';
import { LIMITS } from '#contract/limits.ts';
import { REJECT_REASONS } from '#contract/reject-reason.ts';
import { MALFORMED_KINDS, type MalformedKind, type Subject } from './malformed-kinds.ts';
import { randomStreams } from './random-stream.ts';
import { ReadingSource } from './reading-source.ts';
import { SCHEMAS } from './testing/pretend-pipeline.ts';

const NOW = 1_764_000_000_000;

function* subjects(): Generator<Subject> {
  const streams = randomStreams(11);
  for (const schema of SCHEMAS.values()) {
    const random = streams.next().value;
    const source = new ReadingSource(schema, random);
    for (let seq = 0; seq < 8; seq++)
      yield { schema, ts: NOW + seq, seq, values: source.next(), random, limits: LIMITS };
  }
}

const all = [...subjects()];
const bytesOf = (kind: MalformedKind, subject: Subject): Buffer => Buffer.from(kind.write(subject));

describe.each(MALFORMED_KINDS.map((kind) => [kind.name, kind] as const))('%s', (_name, kind) => {
  const fitting = all.filter(({ schema }) => kind.fits(schema, LIMITS));

  test('fits a shipped schema and is refused for its reason, with its own bytes', () => {
    expect(fitting.length).toBeGreaterThan(0);
    for (const subject of fitting) {
      const bytes = bytesOf(kind, subject);
      const { accepted, rejects } = admit(bytes, NOW, SCHEMAS);
      expect(accepted).toBeUndefined();
      expect(
        rejects.map(({ reason }) => reason),
        bytes.toString().slice(0, 300),
      ).toEqual([kind.reason]);
      expect(rejects[0]?.index).toBeUndefined();
      expect(Buffer.compare(Buffer.from(rejects[0]?.bytes ?? []), bytes)).toBe(0);
      expect(bytes.length).toBeLessThan(LIMITS.packetBytes - 200);
    }
  });

  test('gives no two readings of a device the same bytes', () => {
    for (const schema of SCHEMAS.values()) {
      const texts = fitting
        .filter((it) => it.schema === schema)
        .map((it) => bytesOf(kind, it).toString('hex'));
      expect(new Set(texts).size).toBe(texts.length);
    }
  });
});

const elements = MALFORMED_KINDS.filter(({ scope }) => scope === 'element');
test.each(elements.map((kind) => [kind.name, kind] as const))(
  '%s harms only itself in a batch',
  (_name, kind) => {
    for (const subject of all.filter(({ schema }) => kind.fits(schema, LIMITS))) {
      const { schema, ts, seq, values } = subject;
      const sound = JSON.stringify({ schema: schema.name, ts: ts - 1, seq, values });
      const broken = bytesOf(kind, subject);
      const { accepted, rejects } = admit(Buffer.from(`[${sound},${broken},${sound}]`), NOW, SCHEMAS);
      expect(accepted?.readings).toHaveLength(2);
      expect(rejects).toHaveLength(1);
      expect(rejects[0]).toMatchObject({ reason: kind.reason, index: 1 });
      expect(Buffer.from(rejects[0]?.bytes ?? []).toString()).toBe(broken.toString());
    }
  },
);

test('together they cover every reason for which a gateway refuses', () => {
  const ofOthers = [
    'mapping-failed',
    'unmapped-topic',
    'undecodable-record',
    'store-rejected',
    'refused-by-log',
    'replay-limit',
  ];
  expect(new Set(MALFORMED_KINDS.map(({ reason }) => reason))).toEqual(
    new Set(REJECT_REASONS.filter((reason) => !ofOthers.includes(reason))),
  );
});

test('a message beyond the bounds is beyond those that are in force', () => {
  const limits = { packetBytes: 2 ** 21, payloadBytes: 2 ** 20, readingsPerMessage: 5_000 };
  const [subject] = all as [Subject, ...Subject[]];
  for (const kind of MALFORMED_KINDS.filter(({ reason }) => /^(too-many|payload-too)/.test(reason))) {
    expect(kind.fits(subject.schema, limits)).toBe(true);
    const bytes = bytesOf(kind, { ...subject, limits });
    const { rejects } = admit(bytes, NOW, SCHEMAS, { ...LIMITS, ...limits });
    expect(rejects.map(({ reason }) => reason)).toEqual([kind.reason]);
    // So many readings are too large for a payload of another size.
    expect(kind.fits(subject.schema, { ...limits, payloadBytes: 2 ** 16 })).toBe(
      kind.reason === 'payload-too-large',
    );
  }
});
