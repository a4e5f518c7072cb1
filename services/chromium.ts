import type { Tool } from './tools.ts';

export const CHROMIUM: Tool = {
  command: 'chromium',
  purpose: 'the pages of the console in a real browser',
  install: 'apt-get install chromium',
};
