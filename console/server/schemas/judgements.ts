import type { Judgement } from '#console/api/schemas.ts';
import { faultOf } from '#console/server/letters/letter-story.ts';
import { type Admission, admit } from '#contract/admission.ts';
import { deviceIdOfTopic } from '#contract/device-topic.ts';
import type { Fault as Refusal } from '#contract/judge-reading.ts';
import type { MappedMessage } from '#contract/mapping/mappings.ts';
import { faultsIn } from '#processors/dead-letters/letter-faults.ts';
import { detailText } from '#processors/dead-letters/letter-summary.ts';
import { textOf } from '#processors/dead-letters/payload-text.ts';
import { IGNORED } from '#processors/mapping/try-message.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import { counted } from '#runtime/counted.ts';

/** A message that nobody has sent. */
export interface TriedMessage {
  readonly topic: string;
  readonly payload: string;
  /** MQTT client id of who would send it. */
  readonly client: string | undefined;
}

/** What the gateway would make of a message if it came now, by the same admission and the same mappings. Nothing is stored. */
export function judgementOf(
  { topic, payload, client }: TriedMessage,
  contract: CurrentContract,
  now: number,
): Judgement {
  const bytes = Buffer.from(payload);
  const device = deviceIdOfTopic(topic);
  if (device !== undefined)
    return ofAdmission(admit(bytes, now, contract.schemas, contract.limits), device, bytes);
  const message = { topic, payload: bytes, client: client ?? 'client', receivedAt: now, retained: false };
  return ofMapping(contract.mappings.map(message), bytes);
}

function ofAdmission({ accepted, rejects }: Admission, device: string, bytes: Buffer): Judgement {
  const readings = (accepted?.readings ?? []).map((reading) => ({ device, reading }));
  return judgement(readings, rejects, bytes, '');
}

function ofMapping({ rule, readings, rejects, ignored }: MappedMessage, bytes: Buffer): Judgement {
  const by = rule === undefined ? '' : ` The rule ${rule.source}: ${rule.topic} knows its topic.`;
  if (ignored !== undefined)
    return {
      verdict: 'discarded',
      sentence: `It is swallowed: ${IGNORED[ignored]}.${by}`,
      readings: [],
      rejects: [],
    };
  return judgement(
    readings.map(({ device, reading }) => ({ device, reading })),
    rejects,
    bytes,
    by,
  );
}

function judgement(
  readings: Judgement['readings'],
  rejects: readonly (Refusal & { readonly index?: number; readonly bytes?: Uint8Array })[],
  payload: Buffer,
  by: string,
): Judgement {
  const verdict = rejects.length === 0 ? 'accepted' : readings.length === 0 ? 'dead-lettered' : 'partly';
  const [first] = rejects;
  const why = first === undefined ? '' : `${first.reason}: ${detailText(first.detail)}`;
  const sentence = {
    accepted: `${counted(readings.length, 'reading')} would be stored.`,
    'dead-lettered': `It would be a dead letter: ${why}.`,
    partly: `${counted(readings.length, 'reading')} would be stored, ${counted(rejects.length, 'dead letter')} written: ${why}.`,
  }[verdict];
  return {
    verdict,
    sentence: `${sentence}${by}`,
    readings,
    rejects: rejects.map(({ reason, detail, index, bytes = payload }) => {
      // Of an element of a batch, which is a view on the payload, the places are to stand in the whole of it.
      const at = textOf(payload.subarray(0, bytes.byteOffset - payload.byteOffset))?.length ?? 0;
      const faults = faultsIn(bytes, reason, detail).map(faultOf);
      return {
        index: index ?? null,
        reason,
        faults: at === 0 ? faults : faults.map((fault) => moved(fault, payload.toString(), at)),
      };
    }),
  };
}

function moved(fault: ReturnType<typeof faultOf>, text: string, by: number): ReturnType<typeof faultOf> {
  if (fault.offset === null) return fault;
  const offset = fault.offset + by;
  const before = text.slice(0, offset);
  return {
    ...fault,
    offset,
    line: before.split('\n').length,
    column: offset - before.lastIndexOf('\n'),
  };
}
