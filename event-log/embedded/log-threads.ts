import { PipelineError } from '#runtime/errors.ts';
import { DatabaseThread, type DatabaseThreadOptions } from '#sqlite/database-thread.ts';
import type { LogThreadEvent, LogThreadOptions, ReaderCalls, WriterCalls } from './log-thread-calls.ts';

export interface LogThreadsEvents {
  /** One of them says so unasked. */
  readonly onEvent: (event: LogThreadEvent) => void;
  /** One of them ended by itself, or could not open the file. */
  readonly onDeath: () => void;
}

/**
 * The two threads of a log's file: one writes, one reads, on connections of their own, so that slow reading from disk
 * delays no append. Where the file is damaged otherwise than in a record, the writer makes it anew, the reader opens the new
 * one, and what was asked is asked again.
 *
 * *Alive* → *dead*, when either ends by itself or cannot open the file: every later call to it fails. → *closed*.
 */
export class LogThreads {
  readonly #writer: DatabaseThread<WriterCalls, LogThreadEvent>;
  readonly #reader: DatabaseThread<ReaderCalls, LogThreadEvent>;
  readonly #events: LogThreadsEvents;
  #death: PipelineError | undefined;

  constructor(options: Omit<LogThreadOptions, 'role'>, events: LogThreadsEvents) {
    this.#events = events;
    this.#writer = new DatabaseThread(this.#threadOptions({ ...options, role: 'writer' }));
    this.#reader = new DatabaseThread(this.#threadOptions({ ...options, role: 'reader' }));
  }

  /** Why one of them is dead. */
  get death(): PipelineError | undefined {
    return this.#death;
  }

  /** Now, because the reader tells changes also when nothing is asked of it. */
  open(): void {
    // That a thread cannot open the file is its death.
    for (const thread of [this.#writer, this.#reader]) thread.open().catch(() => undefined);
  }

  write<Name extends keyof WriterCalls>(
    name: Name,
    request: Parameters<WriterCalls[Name]>[0],
    transfer?: ArrayBuffer[],
  ): Promise<ReturnType<WriterCalls[Name]>> {
    return this.#writer.call(name, request, transfer);
  }

  async read<Name extends keyof ReaderCalls>(
    name: Name,
    request: Parameters<ReaderCalls[Name]>[0],
  ): Promise<ReturnType<ReaderCalls[Name]>> {
    try {
      return await this.#reader.call(name, request);
    } catch (error) {
      if (!(error instanceof PipelineError && error.reason === 'damaged')) throw error;
      await this.#writer.call('mend', error.message);
      return this.#reader.call(name, request);
    }
  }

  /** After the answers to all calls made so far. */
  async close(): Promise<void> {
    await this.#reader.close();
    await this.#writer.close();
  }

  #threadOptions(workerData: LogThreadOptions): DatabaseThreadOptions<LogThreadEvent> {
    return {
      name: `event log ${workerData.file}`,
      entry: new URL('./log-thread.ts', import.meta.url),
      workerData,
      code: 'event-log-unavailable',
      afterDeath: 'stay-dead',
      onEvent: (event) => {
        if (event.kind === 'mended') this.#reader.call('reopen', undefined).catch(() => undefined);
        this.#events.onEvent(event);
      },
      onDeath: (death) => {
        this.#death ??= death;
        this.#events.onDeath();
      },
    };
  }
}
