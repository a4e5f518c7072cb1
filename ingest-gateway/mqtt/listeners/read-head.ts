import type { Duplex } from 'node:stream';

export interface HeadReader<Head> {
  /** Milliseconds that it may take. */
  readonly withinMs: number;
  /** @returns what the bytes begin with; `undefined` = more of it has to come. Bounds their number. */
  readonly parse: (received: Buffer) => Head | undefined;
  /** It is there. Nothing is read any more; `received` is all that came. */
  readonly whole: (head: Head, received: Buffer) => void;
  readonly late: () => void;
}

/**
 * Reads what a connection begins with and the reader behind it is not to see, or not before it was judged. A client that
 * ends its side before that has nothing to say.
 */
export function readHead<Head>(stream: Duplex, { withinMs, parse, whole, late }: HeadReader<Head>): void {
  let received = Buffer.alloc(0);
  const stopReading = (): void => {
    clearTimeout(timer);
    stream.off('readable', onReadable).off('end', onEnd).off('error', ignore);
  };
  const onReadable = (): void => {
    const chunk: Buffer | null = stream.read();
    if (chunk === null) return;
    received = Buffer.concat([received, chunk]);
    const head = parse(received);
    if (head === undefined) return;
    stopReading();
    whole(head, received);
  };
  const onEnd = (): void => void stream.destroy();
  const ignore = (): void => undefined;
  const timer = setTimeout(late, withinMs);
  stream.on('readable', onReadable).on('end', onEnd).on('error', ignore);
  stream.once('close', () => clearTimeout(timer));
}
