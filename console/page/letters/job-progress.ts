import type { ComponentChildren, VNode } from 'preact';
import type { Job } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { letterHref } from '#console/page/navigation/route.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { count } from '#console/page/text/format.ts';
import type { JobRun } from './use-job.ts';

/** How far a change is, and in the end what it did. @param children what can be done then, such as undo */
export function JobProgress({ run, children }: { run: JobRun; children?: ComponentChildren }): VNode {
  const { job, failure, isRunning, interrupt, clear } = run;
  const isShown = job !== undefined || failure !== undefined || isRunning;
  return html`
    <div class=${isShown ? `job ${jobKind(run)}` : 'job-none'} role="status" aria-live="polite">
      ${
        isShown &&
        html`
          <div class="job-words">
            <p><${ForeignText} text=${failure ? failure.message : (job?.error ?? job?.sentence ?? 'Starting…')} /></p>
            ${job && !isRunning && html`<${Whys} job=${job} />`}
          </div>
          ${isRunning && html`<button disabled=${job === undefined} onClick=${interrupt}>Stop</button><progress max=${job?.total ?? undefined} value=${job?.total ? job.done : undefined} aria-label="Progress"></progress>`}
          ${!isRunning && html`<div class="job-actions">${children}<button class="quiet" onClick=${clear}>Close</button></div>`}
        `
      }
    </div>
  `;
}

function jobKind({ job, failure }: JobRun): string {
  const isRefused = job !== undefined && job.faults.length > 0;
  if (failure !== undefined || job?.state === 'failed' || isRefused) return 'job-bad';
  return job?.state === 'done' && !job.dryRun ? 'job-good' : '';
}

function Whys({ job: { why } }: { job: Job }): VNode | null {
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
