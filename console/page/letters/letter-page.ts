import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { LetterStory } from '#console/api/dead-letters.ts';
import { Answered } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import {
  letterHref,
  lettersHref,
  oneWord,
  schemaHref,
  segment,
  traceHref,
} from '#console/page/navigation/route.ts';
import { FaultList, MarkedPayload } from '#console/page/payload/marked-payload.ts';
import { DeviceLink, ForeignText } from '#console/page/text/foreign-text.ts';
import { bytes, count } from '#console/page/text/format.ts';
import { Moment } from '#console/page/text/moment.ts';
import { CorrectLetter } from './correct-letter.ts';
import { LetterActions } from './letter-actions.ts';
import { LetterStatusChip } from './letter-table.ts';

const WAITING = new Set(['pending', 'parked']);

/** One letter: what the device sent, where in it the fault is, and what can be done about it. */
export function LetterPage({ id }: { id: string }): VNode {
  const story = useAnswer<LetterStory>(`/dead-letters/${segment(id)}`);
  const [isCorrecting, setCorrecting] = useState(false);
  return html`
    <div class="page">
      <p class="crumbs"><a href="/dead-letters">Dead letters</a></p>
      <div class="page-head">
        <h1>Letter <span class="mono"><${ForeignText} text=${id} /></span></h1>
        ${story.value && html`<${LetterStatusChip} status=${story.value.status} />`}
      </div>
      <${Answered} answer=${story} rows=${8}>
        ${(letter: LetterStory) => html`
          <${LetterVerdict} letter=${letter} />
          <${LetterActions} letter=${letter} onChanged=${story.again} isCorrecting=${isCorrecting} onCorrect=${() => setCorrecting(!isCorrecting)} />
          <section>
            <h2>Payload <span class="muted">${bytes(letter.payload.bytes)}</span></h2>
            ${
              isCorrecting
                ? html`<${CorrectLetter} letter=${letter} isWaiting=${WAITING.has(letter.status)} onLeave=${() => setCorrecting(false)} onSubmitted=${() => {
                    setCorrecting(false);
                    story.again();
                  }} />`
                : html`
                    <${FaultList} faults=${letter.faults} />
                    <${MarkedPayload} payload=${letter.payload} faults=${letter.faults} />
                  `
            }
          </section>
          <${LetterFacts} letter=${letter} />
          <div class="two-columns">
            <${LetterHistory} letter=${letter} />
            <${LetterHeaders} headers=${letter.headers} />
          </div>
        `}
      <//>
    </div>
  `;
}

function LetterVerdict({
  letter: { reason, originalReason, detail, replayToday, status },
}: {
  letter: LetterStory;
}): VNode {
  return html`
    <p class="verdict">
      <strong>${reason}</strong>${originalReason !== null && `, was ${originalReason}`}${detail !== '' && html`: <${ForeignText} text=${detail} />`}
      ${WAITING.has(status) && html`<br /><span class=${replayToday.passes ? 'good' : 'muted'}>Replayed today it <${ForeignText} text=${replayToday.sentence} />.</span>`}
    </p>
  `;
}

function LetterFacts({ letter }: { letter: LetterStory }): VNode {
  const {
    device,
    at,
    receivedAt,
    stage,
    schema,
    source,
    rule,
    topic,
    element,
    attempts,
    copies,
    seq,
    ts,
    index,
  } = letter;
  return html`
    <dl class="facts card">
      <div><dt>Device</dt><dd><${DeviceLink} id=${device} /> <a class="muted" href=${lettersHref({ device: oneWord(device) })}>its letters</a></dd></div>
      <div><dt>Written</dt><dd><${Moment} at=${at} /></dd></div>
      <div><dt>Received</dt><dd><${Moment} at=${receivedAt} /></dd></div>
      <div><dt>Refused by</dt><dd>${stage}</dd></div>
      ${schema !== null && html`<div><dt>Type</dt><dd><a class="mono" href=${schemaHref(schema)}><${ForeignText} text=${schema} /></a></dd></div>`}
      ${topic !== null && html`<div><dt>Topic</dt><dd class="mono"><${ForeignText} text=${topic} /></dd></div>`}
      ${source !== null && html`<div><dt>Mapping</dt><dd><${ForeignText} text=${rule === null ? source : `${source}, rule ${rule}`} /></dd></div>`}
      ${element !== null && html`<div><dt>Element</dt><dd class="mono"><${ForeignText} text=${element === '' ? '(the message)' : element} /></dd></div>`}
      ${index !== null && html`<div><dt>In its batch</dt><dd>reading ${index}</dd></div>`}
      <div><dt>Attempts</dt><dd>${attempts} of 3</dd></div>
      ${copies > 1 && html`<div><dt>Copies</dt><dd>${count(copies)} say the same</dd></div>`}
      ${(seq !== null || ts !== null) && html`<div><dt>Its reading</dt><dd><a href=${traceHref(device, { seq, at: ts })}>Trace ${seq !== null ? `seq ${seq}` : html`<${Moment} at=${ts} />`}</a></dd></div>`}
    </dl>
  `;
}

function LetterHistory({ letter: { history, duplicates } }: { letter: LetterStory }): VNode {
  return html`
    <section>
      <h2>What became of it</h2>
      <ol class="events card">
        ${history.map(
          ({ at: then, event, reason: why, became }) => html`
            <li key=${`${then} ${event}`}><${Moment} at=${then} /><span class="chip">${event}</span><span class="muted">${why ?? ''} ${became ?? ''}</span></li>
          `,
        )}
      </ol>
      ${duplicates.length > 0 && html`<p class="muted">The same again: ${duplicates.slice(0, 10).map((copy, place) => html`${place > 0 && ', '}<a key=${copy} href=${letterHref(copy)}>${copy}</a>`)}${duplicates.length > 10 && ` and ${count(duplicates.length - 10)} more`}</p>`}
    </section>
  `;
}

function LetterHeaders({ headers }: { headers: Readonly<Record<string, string>> }): VNode {
  return html`
    <section>
      <h2>Headers</h2>
      <table class="card headers">
        <tbody>
          ${Object.entries(headers).map(([name, value]) => html`<tr key=${name}><th scope="row" class="mono"><${ForeignText} text=${name} /></th><td class="mono"><${ForeignText} text=${value} /></td></tr>`)}
        </tbody>
      </table>
    </section>
  `;
}
