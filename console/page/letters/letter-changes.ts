import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LetterChange, LetterFilter, LetterRow } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { counted } from '#console/page/text/format.ts';
import { ConfirmDialog } from './confirm-dialog.ts';
import { JobProgress } from './job-progress.ts';
import { useChangesElsewhere, useJob } from './use-job.ts';

interface LetterChangesProps {
  readonly filter: LetterFilter;
  /** Rows that were chosen one by one, each with its copies; none = all that the filter leaves. */
  readonly chosen: readonly LetterRow[];
  /** Letters that the filter leaves, each copy by itself; `undefined` = not known yet, and nothing can be changed. */
  readonly total: number | undefined;
  /** It cannot be had. */
  readonly isFailed: boolean;
  /** There are older letters than `total` counts; a change by filter goes through them, too. */
  readonly older: boolean | undefined;
  /** When the newest that is shown was written: what came since then nobody has seen. */
  readonly newestAt: number | undefined;
  readonly onChanged: () => void;
}

/** Statuses of letters that wait for somebody. */
const WAITING: ReadonlySet<string> = new Set(['pending', 'parked']);

type Meant = Omit<LetterChange, 'dryRun'>;

/** Dry run, replay, dismiss and undo, of the chosen letters or of all that the filter leaves. */
export function LetterChanges({
  filter,
  chosen,
  total,
  isFailed,
  older,
  newestAt,
  onChanged,
}: LetterChangesProps): VNode {
  const run = useJob();
  const [isOld, setOld] = useState(false);
  const theirs = useChangesElsewhere(() => setOld(true));
  const [asked, setAsked] = useState<'replay' | 'dismiss'>();
  const [dismissed, setDismissed] = useState<Meant>();
  const [byNow, setByNow] = useState(false);
  const isDismissed = filter.state === 'dismissed';
  // What was dealt with otherwise stays as it is, and is not counted.
  const rows = chosen.filter(({ status }) => (isDismissed ? status === 'dismissed' : WAITING.has(status)));
  const meant: Meant = {
    filter: seenOnly(filter, newestAt),
    ...(chosen.length > 0 && { ids: rows.map(({ id }) => id), copies: true }),
  };
  const replayed: Meant = {
    ...meant,
    ...(byNow && { judgeAt: 'now' }),
    // A replay leaves parked letters alone, unless it is asked for them.
    ...(filter.state === 'parked' && { parked: true }),
  };
  const isOfOneKind = isDismissed || (filter.state ?? 'pending').split(',').every((it) => WAITING.has(it));
  // Without a word of a filter the server refuses: nobody changes every letter there is by one click.
  const isBounded = chosen.length > 0 || (isOfOneKind && Object.keys(filter).length > 0);
  const letters = chosen.length > 0 ? rows.reduce((sum, { copies }) => sum + copies, 0) : total;
  const isUnknown = letters === undefined && isFailed;
  const words = isUnknown
    ? 'how many letters this filter leaves is not known'
    : wordsOf(letters, chosen.length > 0, older);

  const change = async (kind: 'replay' | 'dismiss' | 'undo', what: Meant, dryRun: boolean): Promise<void> => {
    setDismissed(undefined);
    const job = await run.run(`/dead-letters/${kind}`, { ...what, dryRun });
    if (dryRun) return;
    if (kind === 'dismiss' && job?.state === 'done') setDismissed(undoOf(what, job.startedAt));
    onChanged();
  };
  const showNow = (): void => {
    setOld(false);
    theirs.clear();
    onChanged();
  };
  const leavesParked = chosen.length === 0 && filter.state !== 'parked' && filter.reason !== 'replay-limit';
  // Letters that are not counted may be reached all the same.
  const isNothing = letters === 0 && (chosen.length > 0 || !older);
  const isPointless = run.isRunning || !isBounded || letters === undefined || isNothing;
  const isOff = isPointless || theirs.isRunning;

  return html`
    <div class="changes">
      <div class="buttons">
        <span class="muted">${isBounded ? words : isOfOneKind ? 'Choose letters or set a filter to change them' : 'Choose letters: of this status not all can be changed'}</span>
        ${
          isDismissed
            ? html`<button disabled=${isOff} onClick=${() => change('undo', meant, false)}>Let them wait again</button>`
            : html`
                <button disabled=${isPointless} onClick=${() => change('replay', replayed, true)}>Dry run</button>
                <button disabled=${isOff} onClick=${() => setAsked('replay')}>Replay…</button>
                <button disabled=${isOff} onClick=${() => setAsked('dismiss')}>Dismiss…</button>
              `
        }
      </div>
      <${JobProgress} run=${run}>
        ${dismissed && html`<button disabled=${theirs.isRunning} onClick=${() => change('undo', dismissed, false)}>Undo</button>`}
      <//>
      <${JobProgress} run=${theirs}>
        ${isOld && html`<button onClick=${showNow}>Show what is there now</button>`}
      <//>
      ${
        asked &&
        html`
          <${ConfirmDialog}
            title=${`${asked === 'replay' ? 'Replay' : 'Dismiss'} ${words}?`}
            action=${asked === 'replay' ? 'Replay' : 'Dismiss'}
            onConfirm=${() => change(asked, asked === 'replay' ? replayed : meant, false)}
            onClose=${() => setAsked(undefined)}
          >
            <p>${
              asked === 'replay'
                ? "They are judged by today's schemas and mappings, at the time they were received. What passes goes into the log; what fails again stays, and is parked at the third attempt."
                : 'They no longer wait for anybody. Their bytes stay until retention, and this can be undone.'
            }</p>
            ${asked === 'replay' && leavesParked && html`<p>Parked ones among them stay as they are, unless the filter asks for those alone.</p>`}
            ${asked === 'replay' && html`<label class="check"><input type="checkbox" checked=${byNow} onChange=${() => setByNow(!byNow)} /> Judge their times by now, not by when they were received</label>`}
          <//>
        `
      }
    </div>
  `;
}

/** Which letters are meant. */
function wordsOf(letters: number | undefined, isChosen: boolean, older: boolean | undefined): string {
  if (letters === undefined) return 'counting the letters of this filter';
  if (isChosen) return counted(letters, 'chosen letter');
  const all = letters === 1 ? 'the one letter' : `all ${counted(letters, 'letter')}`;
  return `${all} of this filter${older ? ', and older ones that are not counted' : ''}`;
}

/** The letters that were dismissed just now, and not those that somebody dismissed before. */
function undoOf(dismissed: Meant, changedSince: number): Meant {
  return { ...dismissed, filter: { ...dismissed.filter, state: 'dismissed', changedSince } };
}

function seenOnly(filter: LetterFilter, newestAt: number | undefined): LetterFilter {
  return newestAt === undefined
    ? filter
    : { ...filter, until: Math.min(filter.until ?? newestAt + 1, newestAt + 1) };
}
