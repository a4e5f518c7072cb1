import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { TraceAnswer } from '#console/api/trace.ts';
import { Answered, Empty } from '#console/page/asking/answer-states.ts';
import { useAnswer } from '#console/page/asking/use-answer.ts';
import { html } from '#console/page/html.ts';
import { navigate } from '#console/page/navigation/navigation.ts';
import { deviceHref, letterHref, withQuery } from '#console/page/navigation/route.ts';
import { ForeignText } from '#console/page/text/foreign-text.ts';
import { Moment } from '#console/page/text/moment.ts';

const NAMES = {
  device: 'Device',
  gateway: 'Gateway',
  'event-log': 'Event log',
  'telemetry-writer': 'Writer',
  'dead-letter': 'Dead letters',
  store: 'Store',
} as const;

/** One reading's way from the device to the store, or to where it is stuck. */
export function TracePage({ query }: { query: URLSearchParams }): VNode {
  const wanted = {
    device: query.get('device') ?? '',
    seq: query.get('seq') ?? '',
    at: query.get('at') ?? '',
  };
  const isAsked = wanted.device !== '' && (wanted.seq !== '' || wanted.at !== '');
  const [turn, setTurn] = useState(0);
  return html`
    <div class="page">
      <div class="page-head"><h1>Trace</h1><p class="muted">Where one reading is, by its number or its time</p></div>
      <${TraceForm} key=${JSON.stringify(wanted)} wanted=${wanted} onAsked=${() => setTurn(turn + 1)} />
      ${
        isAsked
          ? html`<${Found} key=${JSON.stringify([wanted, turn])} path=${withQuery('/trace', wanted)} />`
          : html`<${Empty} title="Which reading?">Every reading, letter and gap that the console shows has a link to its trace.<//>`
      }
    </div>
  `;
}

/** Of one question: what was found for another one is never shown in its place. */
function Found({ path }: { path: string }): VNode {
  const answer = useAnswer<TraceAnswer>(path);
  return html`<${Answered} answer=${answer} rows=${6}>${(trace: TraceAnswer) => html`<${Way} trace=${trace} />`}<//>`;
}

interface Wanted {
  readonly device: string;
  readonly seq: string;
  readonly at: string;
}

function TraceForm({ wanted, onAsked }: { wanted: Wanted; onAsked: () => void }): VNode {
  const [by, setBy] = useState<'seq' | 'at'>(wanted.at === '' ? 'seq' : 'at');
  const [device, setDevice] = useState(wanted.device);
  const [value, setValue] = useState(wanted[by]);
  const ask = (event: SubmitEvent): void => {
    event.preventDefault();
    const href = withQuery('/trace', { device: device.trim(), [by]: value.trim() });
    if (href === location.pathname + location.search) onAsked();
    else navigate(href);
  };
  const typed = (set: (text: string) => void) => (event: Event) =>
    set((event.target as HTMLInputElement).value);
  return html`
    <form class="toolbar" onSubmit=${ask} aria-label="Which reading">
      <label>Device <input required maxlength="128" value=${device} onInput=${typed(setDevice)} spellcheck="false" autocapitalize="off" /></label>
      <label>By
        <select value=${by} onChange=${(event: Event) => setBy((event.target as HTMLSelectElement).value as 'seq' | 'at')}>
          <option value="seq">seq</option>
          <option value="at">time</option>
        </select>
      </label>
      ${
        by === 'seq'
          ? html`<label key="seq">seq <input required inputmode="numeric" pattern="[0-9]+" value=${value} onInput=${typed(setValue)} /></label>`
          : html`<label key="at">Time <input required maxlength="40" value=${value} onInput=${typed(setValue)} placeholder="2026-01-31T08:00:00Z, or ms" /></label>`
      }
      <button class="primary">Trace</button>
    </form>
  `;
}

function Way({ trace }: { trace: TraceAnswer }): VNode {
  const { device, seq, at, verdict, where, why, stations } = trace;
  return html`
    <section class=${`card way way-${verdict}`} aria-live="polite">
      <p class="way-of"><a class="mono" href=${deviceHref(device)}><${ForeignText} text=${device} /></a>, ${seq !== null ? `seq ${seq}` : html`<${Moment} at=${at} />`}</p>
      <p class="way-verdict"><${ForeignText} text=${where} /></p>
      ${why !== null && html`<p class="way-why"><${ForeignText} text=${why} /></p>`}
      <ol class="stations">
        ${stations.map((station, place) => html`<${Stop} key=${place} station=${station} before=${stations[place - 1]?.at ?? null} />`)}
      </ol>
    </section>
  `;
}

const STATES = {
  passed: 'passed',
  here: 'it is here',
  stuck: 'stuck here',
  refused: 'refused here',
  ahead: 'not yet',
  unknown: 'not known',
} as const;

function Stop({
  station,
  before,
}: {
  station: TraceAnswer['stations'][number];
  before: number | null;
}): VNode {
  const { name, at, state, detail, letter } = station;
  const took = at !== null && before !== null ? at - before : null;
  return html`
    <li class=${`stop stop-${state}`}>
      <span class="stop-name">${NAMES[name]} <span class="unseen">${STATES[state]}</span></span>
      <span class="stop-at"><${Moment} at=${at} />${took !== null && took >= 0 && html` <span class="muted">+${took.toLocaleString('en')} ms</span>`}</span>
      <span class="stop-detail">${state === 'stuck' || state === 'refused' ? html`<strong>${STATES[state]}</strong> ` : ''}${detail !== null && html`<${ForeignText} text=${detail} />`}
        ${letter !== null && html` <a href=${letterHref(letter)}>Letter ${letter}</a>`}</span>
    </li>
  `;
}
