import type { ComponentChildren, VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Job, JobLine } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { letterHref } from '#console/page/navigation/route.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { count, counted, duration } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';
import { now } from '#console/page/text/server-clock.ts';
import type { ShownJob } from './use-job.ts';

/** So long without anything that came of it, and somebody wonders. Milliseconds. */
const STILL_MS = 5_000;

/** The part of the work after which its pace is known: at first most of the time was for counting. */
const PACE_KNOWN = 0.05;

/** How far a change is, and in the end what it did. @param children what can be done then, such as undo */
export function JobProgress({ run, children }: { run: ShownJob; children?: ComponentChildren }): VNode {
  const { job, failure, isRunning, isOthers, interrupt, clear } = run;
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    // The button that began it cannot be used now, and the browser takes the focus away from such a one: whoever works by keys would begin anew.
    const at = document.activeElement;
    const isLost = at === null || at === document.body || at.matches(':disabled');
    if (isRunning && !isOthers && isLost) panel.current?.focus({ preventScroll: true });
  }, [isRunning]);
  const isShown = job !== undefined || failure !== undefined || isRunning;
  return html`
    <div class=${isShown ? `job ${jobKind(run)}` : 'job-none'} role="status" aria-live="polite" tabindex="-1" ref=${panel}>
      ${
        isShown &&
        html`
          <div class="job-words" aria-live=${isRunning ? 'off' : 'polite'}>
            ${isOthers && job && html`<p class="muted">${KINDS[job.kind]}, begun <${Moment} at=${job.startedAt} /> from <${ForeignText} text=${job.from} /></p>`}
            <p><${ForeignText} text=${failure ? failure.message : job === undefined ? 'Starting…' : wordsOf(job)} /></p>
            ${isRunning && job && html`<${HowFar} job=${job} isCut=${run.isCut} />`}
            ${job?.why && !isRunning && html`<${Whys} why=${job.why} />`}
          </div>
          ${isRunning && html`<button disabled=${job === undefined} onClick=${interrupt}>Stop</button><progress max=${job?.total ?? undefined} value=${job?.total ? job.done : undefined} aria-label="Progress"></progress>`}
          ${!isRunning && html`<div class="job-actions">${children}<button class="quiet" onClick=${clear}>Close</button></div>`}
        `
      }
    </div>
  `;
}

const KINDS = { replay: 'Replay', dismiss: 'Dismissal', undo: 'Undo', submit: 'Corrected letter' } as const;

function wordsOf({ state, error, sentence, done, total, kind, dryRun }: JobLine): string {
  const rest = dryRun || kind === 'submit' ? '' : ' What was done is kept: do it once more for the rest.';
  if (state === 'interrupted') return `Stopped. ${sentence}${rest}`;
  if (state !== 'failed') return sentence || 'Starting…';
  const failure = `It failed: ${error?.replace(/\.$/, '')}.`;
  // It did not come so far as to know how many there are.
  if (total === null && kind !== 'submit') return `${failure} Nothing was changed.`;
  return `${failure} Dealt with until then: ${counted(done, 'letter')}.${rest}`;
}

/** What the sentence does not say: how long it will take, or why it does not go on. */
function HowFar({ job, isCut }: { job: JobLine; isCut: boolean }): VNode | null {
  const { done, total, startedAt, movedAt } = job;
  const at = now();
  if (isCut) return html`<p class="bad">The connection is cut; it goes on in the server. Reconnecting…</p>`;
  if (at - movedAt > STILL_MS)
    return html`<p class="bad">Nothing came of it for ${duration((at - movedAt) / 1000)}: it looks for more, or the event log does not answer. What cannot be written for 30 s ends it, and what was done until then is kept.</p>`;
  if (total === null || done === 0) return null;
  const secondsLeft = ((total - done) * (movedAt - startedAt)) / done / 1000;
  const isKnown = total > done && done >= total * PACE_KNOWN;
  return html`<p class="muted">${count(done)} of ${count(total)}${isKnown && `, about ${duration(Math.ceil(secondsLeft))} to go`}</p>`;
}

function jobKind({ job, failure }: ShownJob): string {
  const isRefused = (job?.faults ?? []).length > 0;
  if (failure !== undefined || job?.state === 'failed' || isRefused) return 'job-bad';
  return job?.state === 'done' && !job.dryRun ? 'job-good' : '';
}

function Whys({ why }: Pick<Job, 'why'>): VNode | null {
  if (why.length === 0) return null;
  return html`
    <ul class="whys">
      ${why.map(
        ({ reason, letters, example, detail }) => html`
          <li key=${reason + example}>${count(letters)} × ${reason}: <${ForeignText} text=${detail} /> (<a href=${letterHref(example)}>letter ${example}</a>)</li>
        `,
      )}
    </ul>
  `;
}
