import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LetterStory } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { ConfirmDialog } from './confirm-dialog.ts';
import { JobProgress } from './job-progress.ts';
import { useChangesElsewhere, useJob } from './use-job.ts';

interface LetterActionsProps {
  readonly letter: LetterStory;
  readonly onChanged: () => void;
  readonly isCorrecting: boolean;
  readonly onCorrect: () => void;
}

export function LetterActions({ letter, onChanged, isCorrecting, onCorrect }: LetterActionsProps): VNode {
  const run = useJob();
  const theirs = useChangesElsewhere(onChanged);
  const isOff = run.isRunning || theirs.isRunning;
  const [asksToDismiss, setAsksToDismiss] = useState(false);
  const change = async (kind: 'replay' | 'dismiss' | 'undo', dryRun: boolean): Promise<void> => {
    await run.run(`/dead-letters/${kind}`, { ids: [letter.id], dryRun });
    if (!dryRun) onChanged();
  };
  const isWaiting = letter.status === 'pending' || letter.status === 'parked';
  const isCorrectable = letter.payload.text !== null && !letter.payload.truncated;
  return html`
    <div class="changes">
      <div class="buttons">
        ${
          isWaiting &&
          html`
            <button disabled=${run.isRunning} onClick=${() => change('replay', true)}>Dry run</button>
            <button disabled=${isOff} class=${letter.replayToday.passes ? 'primary' : ''} onClick=${() => change('replay', false)}>Replay</button>
            <button disabled=${!isCorrectable} aria-expanded=${isCorrecting} title=${isCorrectable ? '' : 'It is no text, or too long for this page: npm run dlq -- export'} onClick=${onCorrect}>
              ${isCorrecting ? 'Leave it as it is' : 'Correct and submit'}
            </button>
            <button disabled=${isOff} onClick=${() => setAsksToDismiss(true)}>Dismiss…</button>
          `
        }
        ${letter.status === 'dismissed' && html`<button disabled=${isOff} onClick=${() => change('undo', false)}>Undo: let it wait again</button>`}
      </div>
      <${JobProgress} run=${run} />
      <${JobProgress} run=${theirs} />
      ${
        asksToDismiss &&
        html`
          <${ConfirmDialog} title=${`Dismiss letter ${letter.id}?`} action="Dismiss" onConfirm=${() => change('dismiss', false)} onClose=${() => setAsksToDismiss(false)}>
            <p>It no longer waits for anybody. Its bytes stay until retention, and this can be undone.</p>
          <//>
        `
      }
    </div>
  `;
}
