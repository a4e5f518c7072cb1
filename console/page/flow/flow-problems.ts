import type { VNode } from 'preact';
import type { Flow, FlowProblem } from '#console/api/flow.ts';
import { html } from '#console/page/html.ts';
import { Moment } from '#console/page/text/moment.ts';

/** What is wrong right now, the worst first, each with what to do. Of processes that do not answer nobody knows that all is well. */
export function FlowProblems({ flow: { problems, targets } }: { flow: Flow }): VNode {
  const silent = targets.filter(({ up }) => !up);
  return html`
    <section class="problems" aria-label="Problems" aria-live="polite">
      ${silent.length > 0 && html`<${SilentTargets} silent=${silent} />`}
      ${
        problems.length === 0
          ? silent.length === 0 &&
            html`<p class="all-well"><span class="dot" aria-hidden="true"></span>Nothing is wrong.</p>`
          : html`<ul>${problems.map((problem) => html`<${Problem} key=${problem.name + problem.sentence} problem=${problem} />`)}</ul>`
      }
    </section>
  `;
}

/** Their numbers are missing in all that is shown. */
function SilentTargets({ silent }: { silent: Flow['targets'] }): VNode {
  return html`
    <ul class="silent-targets" aria-label="Processes that do not answer">
      ${silent.map(({ name, detail }) => html`<li key=${name}><strong>${name}</strong> ${detail === null ? 'does not answer' : detail.replace(`${name} `, '')}; its numbers are missing</li>`)}
    </ul>
  `;
}

function Problem({ problem: { name, severity, sentence, since, runbook } }: { problem: FlowProblem }): VNode {
  return html`
    <li class=${`problem problem-${severity}`}>
      <div>
        <p class="problem-sentence"><span class="severity">${severity}</span> ${sentence}</p>
        <p class="muted">${name}, since <${Moment} at=${since} /></p>
      </div>
      <a class="button" href=${runbook} target="_blank" rel="noopener">What to do</a>
    </li>
  `;
}
