import { detailText, summaryOf } from '#processors/dead-letters/letter-summary.ts';
import type { Letter } from '#processors/dead-letters/letters.ts';
import { counted } from '#runtime/counted.ts';
import { shortened, terminalJson, terminalText } from '#runtime/terminal-text.ts';
import type { Wanted } from './find-readings.ts';
import type { Acceptance, Trace, TraceVerdict } from './trace.ts';

export const VERDICTS: Readonly<Record<TraceVerdict, string>> = {
  stored: 'stored',
  'dead-lettered': 'dead-lettered',
  waiting: 'in the log, the telemetry-writer has not come to it yet',
  merged: 'merged: another reading of this device, type and millisecond took its place',
  unknown: 'not known: the store cannot be asked',
  missing:
    'missing: the telemetry-writer is past it, but the store does not have it (or no longer: its retention)',
  'not-found': 'not found, neither in the log, nor in the dead letters, nor in the store',
};

const WORD_WIDTH = 'dead-lettered'.length + 2;

/** For people; what devices wrote is made safe for a terminal. */
export function renderTrace(trace: Trace): string {
  const { deviceId, wanted, verdict, accepted, letters, stored, mergedInto, storeTrouble } = trace;
  const lines = [`${deviceId}, ${wantedText(wanted)}: ${VERDICTS[verdict]}`];
  for (const acceptance of accepted) lines.push(...part('accepted', acceptanceLines(acceptance)));
  for (const letter of letters) lines.push(...part('dead-lettered', letterLines(letter)));
  for (const { schema, ts, values } of stored) {
    lines.push(...part('stored', [`${schema}, ts ${iso(ts)}`, JSON.stringify(values)]));
  }
  if (mergedInto !== undefined) lines.push(`  merged into    seq ${mergedInto.seq ?? '(none)'}`);
  if (storeTrouble !== undefined) lines.push(`  store          cannot be asked: ${storeTrouble}`);
  return `${lines.map(terminalText).join('\n')}\n`;
}

function wantedText(wanted: Wanted): string {
  if ('seq' in wanted) return `seq ${wanted.seq}`;
  const { fromMs, toMs } = wanted;
  return toMs - fromMs === 1 ? `ts ${iso(fromMs)}` : `ts from ${iso(fromMs)} to ${iso(toMs - 1)}`;
}

/**
 * For machines: one object. Times are ISO 8601, UTC. `stored` is the reading or null when it was asked for by number, and
 * a list when it was asked for by time.
 */
export function traceJson(trace: Trace): string {
  const { deviceId: device, wanted, verdict, accepted, letters, stored, mergedInto, storeTrouble } = trace;
  return terminalJson({
    device,
    ...('seq' in wanted ? { seq: wanted.seq } : { from: iso(wanted.fromMs), to: iso(wanted.toMs) }),
    verdict,
    accepted: accepted.map(({ loggedAt, receivedAt, ...acceptance }) => ({
      loggedAt: iso(loggedAt),
      receivedAt: receivedAt === undefined ? null : iso(receivedAt),
      ...acceptance,
    })),
    letters: letters.map(summaryOf),
    stored: 'seq' in wanted ? (stored[0] ?? null) : stored,
    ...(mergedInto && { mergedInto }),
    ...(storeTrouble !== undefined && { storeTrouble }),
  });
}

/** The word, and beside it what there is to say of it, a line each: a terminal has 80 columns. */
function part(word: string, said: readonly string[]): string[] {
  return said.map((line, index) => `  ${(index === 0 ? word : '').padEnd(WORD_WIDTH)}${line}`);
}

function acceptanceLines(acceptance: Acceptance): string[] {
  const { partition, offset, loggedAt, receivedAt, gateway, index, replays, committed, mapping } = acceptance;
  return [
    `received ${receivedAt === undefined ? 'at an unknown time' : iso(receivedAt)} by ${gateway === undefined ? 'an unknown gateway' : `gateway ${gateway}`}`,
    ...(mapping === undefined ? [] : [`made by ${mapping.source} (${mapping.rule}) of ${mapping.topic}`]),
    `in the log ${iso(loggedAt)}: partition ${partition}, offset ${offset}`,
    ...(index === undefined ? [] : [`reading ${index} of its message`]),
    ...(replays === 0 ? [] : [`replayed ${counted(replays, 'time')}`]),
    committed ? 'the telemetry-writer is past it' : 'the telemetry-writer has not come to it yet',
  ];
}

function letterLines(letter: Letter): string[] {
  const summary = summaryOf(letter);
  return [
    `${iso(letter.time)} by ${letter.stage}: ${letter.reason}`,
    shortened(detailText(letter.detail), 200),
    `letter ${letter.id}, ${String(summary['status'])}; npm run dlq -- show ${letter.id}`,
  ];
}

function iso(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? `${ms} ms` : date.toISOString();
}
