import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { Judgement } from '#console/api/schemas.ts';
import { Failed } from '#console/page/asking/answer-states.ts';
import { asFailure, post, type RequestFailure } from '#console/page/asking/ask-server.ts';
import { html } from '#console/page/html.ts';
import { FaultList, MarkedPayload } from '#console/page/payload/marked-payload.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';

interface TryPayloadProps {
  /** `/schemas/try` or `/mappings/try` */
  readonly path: string;
  readonly topic: string;
  readonly example: string;
}

/** What would become of a message; nothing is sent anywhere. */
export function TryPayload({ path, topic: firstTopic, example }: TryPayloadProps): VNode {
  const [topic, setTopic] = useState(firstTopic);
  const [payload, setPayload] = useState(example);
  const [judged, setJudged] = useState<{
    payload: string;
    judgement?: Judgement;
    failure?: RequestFailure;
  }>();
  const judge = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    try {
      setJudged({ payload, judgement: await post<Judgement>(path, { topic, payload }) });
    } catch (error) {
      setJudged({
        payload,
        failure: asFailure(error),
      });
    }
  };
  return html`
    <form class="try" onSubmit=${judge}>
      <label>Topic <input class="mono" value=${topic} maxlength="1024" required spellcheck="false" onInput=${(event: InputEvent) => setTopic((event.target as HTMLInputElement).value)} /></label>
      <label for="payload">Payload</label>
      <textarea id="payload" class="mono" rows="8" spellcheck="false" autocapitalize="off" value=${payload} onInput=${(event: InputEvent) => setPayload((event.target as HTMLTextAreaElement).value)}></textarea>
      <div class="buttons"><button class="primary">Try</button></div>
    </form>
    <div class="judged" aria-live="polite">
      ${judged?.failure && html`<${Failed} failure=${judged.failure} />`}
      ${judged?.judgement && html`<${JudgementShown} judgement=${judged.judgement} payload=${judged.payload} />`}
    </div>
  `;
}

function JudgementShown({ judgement, payload }: { judgement: Judgement; payload: string }): VNode {
  const { verdict, sentence, readings, rejects } = judgement;
  const faults = rejects.flatMap((reject) => reject.faults);
  return html`
    <div class=${`job ${verdict === 'accepted' ? 'job-good' : 'job-bad'}`}>
      <div class="job-words">
        <p><strong>${verdict}</strong>: <${ForeignText} text=${sentence} /></p>
        ${rejects.length > 0 && html`<ul class="whys">${rejects.map(({ index, reason }, place) => html`<li key=${place}>${index === null ? 'the message' : `reading ${index}`}: ${reason}</li>`)}</ul>`}
      </div>
    </div>
    <${FaultList} faults=${faults} />
    ${faults.length > 0 && html`<${MarkedPayload} payload=${{ text: payload, base64: null, bytes: payload.length, truncated: false }} faults=${faults} />`}
    ${readings.length > 0 && html`<${Readings} readings=${readings} />`}
  `;
}

function Readings({ readings }: { readings: Judgement['readings'] }): VNode {
  return html`
    <table class="card">
      <thead><tr><th scope="col">Device</th><th scope="col">Reading</th></tr></thead>
      <tbody>
        ${readings.map(({ device, reading }, place) => html`<tr key=${place}><td class="mono"><${ForeignText} text=${device} /></td><td class="mono detail"><${ForeignText} text=${JSON.stringify(reading)} /></td></tr>`)}
      </tbody>
    </table>
  `;
}
