import type { TraceAnswer } from '#console/api/trace.ts';
import { detailText } from '#processors/dead-letters/letter-summary.ts';
import { type Letter, statusOf } from '#processors/dead-letters/letters.ts';
import type { Acceptance, Trace } from '#processors/trace/trace.ts';
import { VERDICTS } from '#processors/trace/trace-report.ts';
import { counted } from '#runtime/counted.ts';

type Station = TraceAnswer['stations'][number];

/** Why a reading is stuck, and what to do; of the others there is nothing to say. */
const WHY: Readonly<Partial<Record<Trace['verdict'], string>>> = {
  waiting: 'The telemetry-writer is behind, stands still, or the store takes nothing: see the flow.',
  'dead-lettered': 'It was refused: see the letter.',
  merged:
    'Two readings of one device, type and millisecond are one point in the store: the later one stands.',
  missing: 'The store does not have it although it was written: its retention, or a loss.',
  unknown: 'Ask again once it answers: see the flow.',
  'not-found': 'It never came, or retention removed it everywhere.',
};

/** A trace as a way with stations, in the order in which a reading passes them. Pure. */
export function traceAnswer(trace: Trace): TraceAnswer {
  const { deviceId, wanted, verdict, accepted, letters, stored, mergedInto, storeTrouble } = trace;
  const refusedBefore = letters.filter(({ stage }) => stage !== 'telemetry-writer');
  const refusedAfter = letters.filter(({ stage }) => stage === 'telemetry-writer');
  const [first] = accepted;
  const receivedAt = first?.receivedAt ?? refusedBefore[0]?.receivedAt ?? null;
  const seen = accepted.length > 0 || letters.length > 0 || stored.length > 0;
  const ts = typeof first?.ts === 'number' ? first.ts : (stored[0]?.ts ?? null);
  const stations: Station[] = [
    station('device', ts, seen ? 'passed' : 'unknown', seen ? 'took the reading' : null),
    station(
      'gateway',
      receivedAt,
      accepted.length > 0 ? 'passed' : refusedBefore.length > 0 ? 'refused' : 'unknown',
      first?.gateway === undefined ? null : `received by ${first.gateway}`,
    ),
    ...refusedBefore.map(letterStation),
    ...accepted.map((acceptance) =>
      station(
        'event-log',
        acceptance.loggedAt,
        acceptance.committed || stored.length > 0 ? 'passed' : 'here',
        acceptanceText(acceptance),
      ),
    ),
    ...(accepted.length === 0
      ? [station('event-log', null, letters.length > 0 ? 'ahead' : 'unknown', null)]
      : []),
    station('telemetry-writer', null, ...writerState(accepted, stored.length > 0)),
    ...refusedAfter.map(letterStation),
    storeStation(trace),
  ];
  if (storeTrouble !== undefined)
    stations[stations.length - 1] = station('store', null, 'unknown', storeTrouble);
  if (mergedInto !== undefined && stored.length === 0)
    stations[stations.length - 1] = station(
      'store',
      mergedInto.ts,
      'stuck',
      `holds seq ${mergedInto.seq ?? '(none)'} in its place`,
    );
  return {
    device: deviceId,
    seq: 'seq' in wanted ? wanted.seq : null,
    at: 'seq' in wanted ? null : wanted.fromMs,
    verdict,
    where: `${VERDICTS[verdict].charAt(0).toUpperCase()}${VERDICTS[verdict].slice(1)}.`,
    why: WHY[verdict] ?? null,
    stations,
  };
}

function writerState(accepted: readonly Acceptance[], isStored: boolean): [Station['state'], string | null] {
  // It commits after the store has answered.
  if (isStored) return ['passed', 'wrote it'];
  if (accepted.length === 0) return ['ahead', null];
  return accepted.every(({ committed }) => committed)
    ? ['passed', 'is past it']
    : ['ahead', 'has not come to it yet'];
}

function storeStation({ stored, accepted, verdict }: Trace): Station {
  const [reading] = stored;
  if (reading !== undefined) {
    const values = JSON.stringify(reading.values);
    const more = stored.length > 1 ? ` and ${stored.length - 1} more` : '';
    return station('store', reading.ts, 'passed', `${reading.schema} ${values}${more}`);
  }
  const state =
    verdict === 'missing' ? 'stuck' : accepted.some(({ committed }) => committed) ? 'unknown' : 'ahead';
  return station('store', null, state, null);
}

function letterStation(letter: Letter): Station {
  const detail = detailText(letter.detail).slice(0, 500).toWellFormed();
  return {
    name: 'dead-letter',
    at: letter.time,
    state: 'refused',
    detail: `${letter.reason}: ${detail} (${statusOf(letter)})`,
    letter: letter.id,
  };
}

function acceptanceText({ partition, offset, index, replays, mapping }: Acceptance): string {
  return [
    `partition ${partition}, offset ${offset}`,
    ...(index === undefined ? [] : [`reading ${index} of its message`]),
    ...(replays === 0 ? [] : [`replayed ${counted(replays, 'time')}`]),
    ...(mapping === undefined ? [] : [`made by ${mapping.source} of ${mapping.topic}`]),
  ].join(', ');
}

function station(
  name: Station['name'],
  at: number | null,
  state: Station['state'],
  detail: string | null,
): Station {
  return { name, at, state, detail, letter: null };
}
