import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { BrowserContextOptions } from 'playwright-core';
import type { LettersPage } from '#console/api/dead-letters.ts';
import { TestConsole } from '#console/server/testing/test-console.ts';
import { runCommand, wholeNumber } from '#runtime/command-line.ts';
import { processIo } from '#runtime/process-io.ts';
import { provideChromium, required } from '#services/provide.ts';
import { launchBrowser } from '#tests/console/launch-browser.ts';
import { startScene } from './scene.ts';

const FOLDER = path.join(import.meta.dirname, '..', '..', '..', 'docs', 'console');
const DESKTOP = { width: 1240, height: 800 };
const PHONE = { width: 360, height: 740 };
const LOOKS: Readonly<Record<string, BrowserContextOptions>> = {
  light: { viewport: DESKTOP, colorScheme: 'light' },
  dark: { viewport: DESKTOP, colorScheme: 'dark' },
  phone: { viewport: PHONE, colorScheme: 'light', isMobile: true },
};
const MAX_BYTES = 150 * 1024;

const io = processIo(process);
const program = new Command('npm run screenshots --')
  .description('Takes the pictures of docs/console: every page of the console, light, dark, and on a phone.')
  .option('--seconds <seconds>', 'how long the devices publish before', wholeNumber(5, 900), 90)
  .option('--only <pages>', 'comma-separated names of pages')
  .action(async ({ seconds, only }: { seconds: number; only?: string }) => {
    const { command } = required(await provideChromium({ env: { ...io.env, REQUIRE_REAL_SERVICES: '1' } }));
    await using console = await TestConsole.start({ contract: { mappings: ['tasmota'] } });
    await using _scene = await startScene(console);
    io.stderr.write(`devices publish for ${seconds} s\n`);
    await sleep(seconds * 1_000);
    const pages = Object.entries(await pagesOf(console)).filter(
      ([name]) => only?.split(',').includes(name) ?? true,
    );
    mkdirSync(FOLDER, { recursive: true });
    const browser = await launchBrowser(command);
    try {
      for (const [look, options] of Object.entries(LOOKS)) {
        const context = await browser.newContext({ baseURL: console.url, locale: 'en-GB', ...options });
        for (const [name, { at, prepare }] of pages) {
          const page = await context.newPage();
          await page.goto(at);
          await page.getByText('Live', { exact: true }).waitFor();
          await page.locator('.waiting').first().waitFor({ state: 'detached' });
          for (const button of prepare ?? [])
            await page.getByRole('button', { name: button, exact: true }).click();
          await sleep(1_500);
          const file = path.join(FOLDER, `${name}-${look}.png`);
          await page.screenshot({ path: file, animations: 'disabled', caret: 'hide' });
          await page.close();
          const { size } = statSync(file);
          io.stdout.write(`docs/console/${path.basename(file)} ${Math.round(size / 1024)} KiB\n`);
          if (size > MAX_BYTES) throw new Error(`${file}: expected at most ${MAX_BYTES} bytes`);
        }
        await context.close();
      }
    } finally {
      await browser.close();
    }
  });

interface Pictured {
  readonly at: string;
  /** Buttons that are pressed before. */
  readonly prepare?: readonly string[];
}

async function pagesOf(console: TestConsole): Promise<Record<string, Pictured>> {
  const { letters } = await console.get<LettersPage>(
    '/dead-letters?device=hall-61&reason=schema-violation&limit=1',
  );
  const letter = `/dead-letters/${letters[0]?.id}`;
  return {
    flow: { at: '/' },
    devices: { at: '/devices' },
    device: { at: '/devices/hall-3?range=15m' },
    'dead-letters': { at: '/dead-letters', prepare: ['1h'] },
    letter: { at: letter },
    correct: { at: letter, prepare: ['Correct and submit', 'Check'] },
    trace: { at: '/trace?device=hall-3&seq=5' },
    schemas: { at: '/schemas' },
    schema: { at: '/schemas/environment/1', prepare: ['Try'] },
    mappings: { at: '/mappings', prepare: ['Try'] },
  };
}

process.exitCode = await runCommand(program, io, { code: 0 });
