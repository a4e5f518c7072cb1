import { counted } from '#runtime/counted.ts';

/** Totals of the pipeline at one moment. */
export interface PipelineTotals {
  readonly atMs: number;
  readonly connectedDevices: number;
  readonly decodedReadings: number;
  readonly storedReadings: number;
  readonly deadLetters: number;
  readonly lagRecords: number;
}

/** One line for a person: what happens now, from two moments. Rates are readings a second. */
export function statusLine(before: PipelineTotals, now: PipelineTotals): string {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const rate = (from: number, to: number): string => count(Math.round((to - from) / seconds));
  return [
    counted(now.connectedDevices, 'device'),
    `in ${rate(before.decodedReadings, now.decodedReadings)}/s`,
    `stored ${rate(before.storedReadings, now.storedReadings)}/s`,
    `${count(now.storedReadings)} stored`,
    counted(now.deadLetters, 'dead letter'),
    `lag ${count(now.lagRecords)}`,
  ].join(' · ');
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}

export interface StatusOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const CLEAR_LINE = '\r\u001b[2K';

/**
 * Shows `line()` once a second at the foot of a terminal. Log lines must go through `write`, so that the two do not
 * tear each other. Without a terminal nothing is shown: logs tell the story there.
 */
export class LiveStatus implements Disposable {
  readonly #output: StatusOutput;
  readonly #line: () => string;
  readonly #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(output: StatusOutput, line: () => string) {
    this.#output = output;
    this.#line = line;
    if (output.isTTY) this.#timer = setInterval(() => this.#draw(), 1000).unref();
  }

  write(text: string): void {
    if (!this.#output.isTTY || this.#ended) {
      this.#output.write(text);
      return;
    }
    this.#output.write(`${CLEAR_LINE}${text}`);
    this.#draw();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#ended || !this.#output.isTTY) return;
    this.#ended = true;
    this.#output.write(CLEAR_LINE);
  }

  #draw(): void {
    this.#output.write(`${CLEAR_LINE}${this.#line().slice(0, (this.#output.columns ?? 80) - 1)}`);
  }
}
