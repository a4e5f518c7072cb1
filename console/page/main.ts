import { render } from 'preact';
import { ConsoleApp } from './console-app.ts';
import { html } from './html.ts';

const root = document.getElementById('console') as HTMLElement;
root.replaceChildren();
render(html`<${ConsoleApp} />`, root);
