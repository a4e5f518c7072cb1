import { type Browser, chromium } from 'playwright-core';

const ROOT_USER = 0;

/** The browser of the machine, one for a test file. */
export function launchBrowser(command: string): Promise<Browser> {
  // Chromium's sandbox is not for root, and what it shows here is ours.
  const isRoot = process.getuid?.() === ROOT_USER;
  return chromium.launch({ executablePath: command, args: isRoot ? ['--no-sandbox'] : [] });
}
