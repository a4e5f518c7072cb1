import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LetterStory } from '#console/api/dead-letters.ts';
import { html } from '#console/page/html.ts';
import { FaultList, MarkedPayload } from '#console/page/payload/marked-payload.ts';
import { editableText } from '#console/page/text/visible-text.ts';
import { JobProgress } from './job-progress.ts';
import { useJob } from './use-job.ts';

interface CorrectLetterProps {
  readonly letter: LetterStory;
  /** `false` = somebody else has seen to it meanwhile: what was typed stays. */
  readonly isWaiting: boolean;
  readonly onLeave: () => void;
  readonly onSubmitted: () => void;
}

/** A person mends what the device sent; what is handed in is judged like a message that comes today. */
export function CorrectLetter({ letter, isWaiting, onLeave, onSubmitted }: CorrectLetterProps): VNode {
  const [payload, setPayload] = useState(() => editableText(letter.payload.text ?? ''));
  const [judged, setJudged] = useState(letter.payload.text ?? '');
  const run = useJob();
  const submit = async (dryRun: boolean): Promise<void> => {
    setJudged(payload);
    const job = await run.run('/dead-letters/submit', { id: letter.id, payload, dryRun });
    if (!dryRun && job?.state === 'done' && (job.counts['refused'] ?? 0) === 0) onSubmitted();
  };
  const faults = run.job === undefined ? letter.faults : run.job.faults;
  return html`
    <div class="correct">
      <label for="corrected">Corrected payload</label>
      <textarea id="corrected" class="mono" rows="8" spellcheck="false" autocapitalize="off" value=${payload} onInput=${(event: InputEvent) => setPayload((event.target as HTMLTextAreaElement).value)}></textarea>
      <div class="buttons">
        <button disabled=${run.isRunning} onClick=${() => submit(true)}>Check</button>
        <button class="primary" disabled=${run.isRunning || !isWaiting} onClick=${() => submit(false)}>Submit</button>
      </div>
      ${!isWaiting && html`<p class="stale" role="status">It is ${letter.status} meanwhile: nothing more can be handed in for it. <button class="link" onClick=${onLeave}>Leave it as it is</button></p>`}
      <${JobProgress} run=${run} />
      <${FaultList} faults=${faults} />
      ${faults.length > 0 && html`<${MarkedPayload} payload=${{ text: judged, base64: null, bytes: judged.length, truncated: false }} faults=${faults} />`}
    </div>
  `;
}
