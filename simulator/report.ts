import { counted } from '#runtime/counted.ts';
import type { FleetOutcome, FleetProgress } from './fleet.ts';
import type { Verification } from './verification.ts';

/** What `--json` prints. Without a verification nobody looked, so those places are null. */
export type JsonReport = { readonly [Key in keyof Verification]: Verification[Key] | null };

export function jsonReport(progress: FleetProgress, verification: Verification | undefined): JsonReport {
  const { sent, acked, malformed } = progress;
  return (
    verification ?? {
      sent,
      acked,
      malformed,
      stored: null,
      deadLettered: null,
      pending: sent - acked,
      missing: null,
      duplicates: null,
      ok: null,
      missingReadings: null,
    }
  );
}

/** One line about a fleet under way. */
export function describeProgress(progress: FleetProgress): string {
  const { devices, connected, sent, acked, elapsedMs, trouble } = progress;
  const perSecond = Math.round(acked / Math.max(0.001, elapsedMs / 1000));
  return (
    `${connected}/${devices} connected · ${number(sent)} sent · ${number(acked)} acknowledged · ` +
    `${number(perSecond)} readings/s${trouble === undefined ? '' : ` · ${trouble}`}`
  );
}

export function describeRun(progress: FleetProgress, outcome: FleetOutcome, qos: number): string {
  const { devices, messages, sent, acked, malformed, ackMs, elapsedMs } = progress;
  const seconds = elapsedMs / 1000;
  const times = `${number(Math.round(acked / seconds))} readings/s, p50 ${milliseconds(ackMs.p50)}, p99 ${milliseconds(ackMs.p99)}`;
  const acknowledgement = qos === 0 ? ' (QoS 0: nobody says)' : acked > 0 ? ` (${times})` : '';
  const lines = [
    `sent           ${counted(sent, 'reading')} in ${counted(messages, 'message')} from ${counted(devices, 'device')}, ${seconds.toFixed(1)} s`,
    `acknowledged   ${number(acked)}${acknowledgement}`,
    `malformed      ${number(malformed)}`,
  ];
  if (progress.wrongAnswers > 0) lines.push(describeWrongAnswers(progress));
  if (outcome === 'gave-up') lines.push('gave up: the gateway acknowledged nothing any more');
  return `${lines.join('\n')}\n`;
}

/** Only for a fleet that got some. */
export function describeWrongAnswers({ wrongAnswers, wrongAnswer }: FleetProgress): string {
  return `wrong answers  ${number(wrongAnswers)} (${wrongAnswer})`;
}

export function describeVerification(verification: Verification): string {
  const { stored, deadLettered, pending, missing, duplicates, ok, missingReadings } = verification;
  const lines = [
    `stored         ${number(stored)}`,
    `dead-lettered  ${number(deadLettered)}${duplicates > 0 ? ` (and ${counted(duplicates, 'letter')} twice)` : ''}`,
    `pending        ${number(pending)}${pending > 0 ? ' (never acknowledged and not found)' : ''}`,
    `missing        ${number(missing)}`,
  ];
  for (const { device, seq, ts, expected, found } of missingReadings) {
    lines.push(`  ${device} seq ${seq} ts ${ts}: expected ${expected}, found ${found}`);
  }
  if (missing > missingReadings.length) lines.push(`  and ${number(missing - missingReadings.length)} more`);
  lines.push(
    ok ? 'ok: every acknowledged reading is accounted for' : 'NOT ok: acknowledged readings are missing',
  );
  return `${lines.join('\n')}\n`;
}

function number(value: number): string {
  return value.toLocaleString('en-US');
}

function milliseconds(value: number): string {
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
}
