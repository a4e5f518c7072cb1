import { eventsOf } from './ask-server.ts';

/** The server sends every second; so long without a word, and the connection is dead although nobody said so. */
const SILENCE_MS = 6_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;

/**
 * Server-sent events, for as long as it takes.
 *
 * - connecting: nothing came yet
 * - live: an event came within the last `SILENCE_MS`
 * - cut: the stream ended, or was silent; a new one is opened after a pause that doubles up to `LAST_RETRY_MS`
 *
 * @param events by name, with what they carry
 * @param onCut each time; a stream does not say why it was refused: that is to be asked otherwise
 * @returns ends it.
 */
export function steadyEvents(
  path: string,
  events: Readonly<Record<string, (data: never) => void>>,
  onCut: () => void,
): () => void {
  let retryMs = FIRST_RETRY_MS;
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;

  const expectWord = (): void => {
    clearTimeout(timer);
    timer = setTimeout(cut, SILENCE_MS);
  };
  const cut = (): void => {
    source?.close();
    clearTimeout(timer);
    timer = setTimeout(open, retryMs);
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
    onCut();
  };
  const open = (): void => {
    source = eventsOf(path);
    for (const [name, take] of Object.entries(events))
      source.addEventListener(name, (event) => {
        retryMs = FIRST_RETRY_MS;
        expectWord();
        if (!isOver) take(JSON.parse(event.data) as never);
      });
    source.addEventListener('error', cut);
    expectWord();
  };
  open();
  return () => {
    isOver = true;
    clearTimeout(timer);
    source?.close();
  };
}
