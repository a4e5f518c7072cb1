import { isUtf8 } from 'node:buffer';
import type { Fault } from '#contract/judge-reading.ts';
import { LIMITS, type MessageLimits } from '#contract/limits.ts';
import type { Reading } from '#contract/reading.ts';
import type { StoreNames } from './compile-as.ts';
import type { IgnoreCause, MappingRule } from './compile-rule.ts';
import { forEachElement } from './each.ts';
import type { ForeignMessage } from './foreign-message.ts';
import { makeReading } from './make-reading.ts';
import type { Scope } from './scope.ts';

/** A reading of a foreign message. */
export interface MappedReading {
  readonly device: string;
  readonly reading: Reading;
  /** The reading as JSON, in the form in which the log keeps it. */
  readonly json: string;
  /** Of `json` in UTF-8. */
  readonly bytes: number;
  /** JSON Pointer of the element that it was made of. */
  readonly path: string;
  /** How the store is to name it, where its type alone does not say. */
  readonly names?: StoreNames | undefined;
}

/** An element that was refused, or (without a `path`) the message as a whole. */
export interface MappedReject extends Fault {
  /** JSON Pointer of the element in the message. */
  readonly path?: string;
  /** Whose reading it would have been, when that is known. */
  readonly device?: string;
}

/** What a rule makes of a message. */
export interface RuleOutcome {
  readonly readings: readonly MappedReading[];
  readonly rejects: readonly MappedReject[];
  /** Why it was swallowed; then there are neither readings nor rejects. */
  readonly ignored: IgnoreCause | undefined;
  /** Names that were in no table. */
  readonly skippedNames: number;
  /** Elements that were looked at, over all readings of the rule: beyond some hundreds, work of a message that is none. */
  readonly visited: number;
}

/**
 * Maps a message by the rule of its topic. Pure, and of a cost that grows with the message's size alone.
 *
 * @param judgedAt as for `makeReading`
 */
export function mapByRule(
  rule: MappingRule,
  captures: readonly string[],
  message: ForeignMessage,
  judgedAt: number | undefined,
  limits: MessageLimits = LIMITS,
): RuleOutcome {
  const { ignore } = rule;
  const { payload } = message;
  if (ignore.has('topic')) return ignored('topic');
  if (message.retained && ignore.has('retained')) return ignored('retained');
  if (payload.length === 0 && ignore.has('blank')) return ignored('blank');
  if (payload.length > limits.payloadBytes) {
    return whole('payload-too-large', { bytes: payload.length, limit: limits.payloadBytes });
  }
  if (!isUtf8(payload)) return whole('not-utf8', { message: 'the payload is not valid UTF-8' });
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8');
  const decoded = rule.decode(text);
  if (decoded === undefined) return whole('malformed-json', { message: 'the payload is not JSON' });

  const rejects: MappedReject[] = decoded.faults.map(({ path, message: problem }) => ({
    reason: 'mapping-failed',
    detail: { errors: [{ path, message: problem }] },
    path,
  }));
  const scope: Scope = {
    elements: [decoded.value],
    visited: 0,
    keys: [''],
    counts: [],
    captures,
    client: message.client,
    topic: message.topic,
    receivedAt: message.receivedAt,
  };
  return mapElements(rule, scope, rejects, judgedAt, limits);
}

function mapElements(
  rule: MappingRule,
  scope: Scope,
  rejects: MappedReject[],
  judgedAt: number | undefined,
  { payloadBytes }: MessageLimits,
): RuleOutcome {
  const readings: MappedReading[] = [];
  let skippedNames = 0;
  let bytes = 0;
  for (const mapping of rule.readings) {
    const withinLimits = forEachElement(mapping.levels, scope, () => {
      const made = makeReading(mapping, scope, judgedAt);
      skippedNames += made.skipped;
      if (made.kind === 'fault') {
        const { fault, device, path } = made;
        rejects.push({ ...fault, path, ...(device !== undefined && { device }) });
      } else if (made.kind === 'reading') {
        const { device, reading, path, names } = made;
        const json = JSON.stringify(reading);
        const size = Buffer.byteLength(json);
        bytes += size;
        if (size > payloadBytes) rejects.push({ ...tooLarge(payloadBytes), device, path });
        else readings.push({ device, reading, json, bytes: size, path, names });
      }
      return readings.length + rejects.length <= LIMITS.mappedReadings && bytes <= LIMITS.mappedBytes;
    });
    if (!withinLimits) return { ...tooMuch(readings.length + rejects.length), visited: scope.visited };
  }
  if (readings.length === 0 && rejects.length === 0)
    return { ...nothingMapped(rule, scope, skippedNames), visited: scope.visited };
  return { readings, rejects, ignored: undefined, skippedNames, visited: scope.visited };
}

function tooLarge(bytes: number): Fault {
  return {
    reason: 'mapping-failed',
    detail: { errors: [{ path: '', message: `becomes a reading of more than ${bytes} bytes` }] },
  };
}

function tooMuch(readings: number): RuleOutcome {
  return readings > LIMITS.mappedReadings
    ? whole('too-many-readings', { limit: LIMITS.mappedReadings })
    : whole('mapping-failed', {
        errors: [{ path: '', message: `becomes more than ${LIMITS.mappedBytes} bytes of readings` }],
      });
}

function nothingMapped(rule: MappingRule, scope: Scope, skippedNames: number): RuleOutcome {
  if (rule.ignore.has('empty') && rule.emptyWhen(scope)) return { ...ignored('empty'), skippedNames };
  const hint = skippedNames === 0 ? '' : `; ${skippedNames} of its names are in no table of the mapping`;
  const errors = [{ path: '', message: `holds nothing that the mapping looks for${hint}` }];
  return { ...whole('mapping-failed', { errors }), skippedNames };
}

function ignored(cause: IgnoreCause): RuleOutcome {
  return { readings: [], rejects: [], ignored: cause, skippedNames: 0, visited: 0 };
}

function whole(reason: Fault['reason'], detail: unknown): RuleOutcome {
  return { readings: [], rejects: [{ reason, detail }], ignored: undefined, skippedNames: 0, visited: 0 };
}
