import type { VNode } from 'preact';
import type { FlowProblem } from '#console/api/flow.ts';
import { html } from '#console/page/html.ts';
import { Moment } from '#console/page/text/moment.ts';

/** What is wrong right now, the worst first, each with what to do. */
export function FlowProblems({ problems }: { problems: readonly FlowProblem[] }): VNode {
  return html`
    <section class="problems" aria-label="Problems" aria-live="polite">
      ${
        problems.length === 0
          ? html`<p class="all-well"><span class="dot" aria-hidden="true"></span>Nothing is wrong.</p>`
          : html`<ul>${problems.map((problem) => html`<${Problem} key=${problem.name + problem.sentence} problem=${problem} />`)}</ul>`
      }
    </section>
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
