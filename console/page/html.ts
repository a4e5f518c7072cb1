import htm from 'htm';
import { h, type VNode } from 'preact';

/** What components return. Text in it becomes text nodes, never markup, whoever wrote it. */
export const html = htm.bind(h) as (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
