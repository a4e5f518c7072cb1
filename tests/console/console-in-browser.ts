import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { expect, onTestFinished } from 'vitest';
import { TestConsole, type TestConsoleOptions } from '#console/server/testing/test-console.ts';
import { SeverableProxy } from '#processors/telemetry-writer/testing/severable-proxy.ts';

/** A zone that is never UTC. */
const ZONE = 'Asia/Kolkata';
/** Above what a busy machine needs; the browser waits for what it looks for, and no longer. */
const PATIENCE_MS = 60_000;

/**
 * A pipeline with its console, and somebody who looks at it. What the browser complains of is remembered (errors of
 * scripts, violations of the policy, dialogs that a payload opened): a test ends with none.
 */
export class ConsoleInBrowser implements AsyncDisposable {
  readonly console: TestConsole;
  readonly page: Page;
  /** Between browser and console; can be cut. */
  readonly wire: SeverableProxy;
  readonly #context: BrowserContext;
  readonly #colleagues: BrowserContext[] = [];
  readonly #complaints: string[] = [];
  #expected: RegExp | undefined;

  private constructor(console: TestConsole, wire: SeverableProxy, context: BrowserContext, page: Page) {
    this.console = console;
    this.wire = wire;
    this.#context = context;
    this.page = page;
    page.setDefaultTimeout(PATIENCE_MS);
    page.on('pageerror', (error) => this.#complaints.push(String(error.stack)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.#complaints.push(message.text());
    });
    page.on('dialog', (dialog) => {
      this.#complaints.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  }

  static async open(
    browser: Browser,
    options: TestConsoleOptions = {},
    viewer: BrowserContextOptions = {},
  ): Promise<ConsoleInBrowser> {
    await using opened = new AsyncDisposableStack();
    const console = opened.use(await TestConsole.start(options));
    const wire = opened.adopt(await SeverableProxy.to(new URL(console.url)), (it) => it.close());
    const context = opened.adopt(
      await browser.newContext({ locale: 'en-GB', timezoneId: ZONE, baseURL: wire.url, ...viewer }),
      (it) => it.close(),
    );
    const page = await context.newPage();
    opened.move();
    const opens = new ConsoleInBrowser(console, wire, context, page);
    onTestFinished(() => opens.#expectSilence());
    return opens;
  }

  /** Opens a page of the console, and waits until it has its numbers. */
  async visit(path: string): Promise<void> {
    await this.page.goto(path);
    await this.page.getByText('Live', { exact: true }).waitFor();
    await this.settled();
  }

  /** Somebody else, before the same console by a connection of their own. */
  async colleague(): Promise<Page> {
    const context = await (this.#context.browser() as Browser).newContext({ baseURL: this.console.url });
    this.#colleagues.push(context);
    const page = await context.newPage();
    page.setDefaultTimeout(PATIENCE_MS);
    return page;
  }

  /** Nothing is waited for any more. */
  async settled(): Promise<void> {
    await this.page.locator('.waiting').first().waitFor({ state: 'detached' });
  }

  /** Complaints like these are no fault, such as those about a connection that the test cuts. */
  expectComplaints(expected: RegExp): void {
    this.#expected = expected;
  }

  #expectSilence(): void {
    expect(this.#complaints.filter((complaint) => !this.#expected?.test(complaint))).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const context of [this.#context, ...this.#colleagues]) await context.close();
    await this.wire.close();
    await this.console[Symbol.asyncDispose]();
  }
}
