import type { Flow } from '#console/api/flow.ts';
import { eventsOf, get } from './ask-server.ts';

export interface LiveFlow {
  readonly flow: Flow | undefined;
  /** `false` = the numbers are those of `flow.at`, and are being asked for again. */
  readonly live: boolean;
}

/** The server sends every second; so long without a word, and the connection is dead although nobody said so. */
const SILENCE_MS = 6_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;

/**
 * The numbers of the flow as the server sends them, for as long as it takes.
 *
 * - connecting: nothing came yet
 * - live: an event came within the last `SILENCE_MS`
 * - cut: the stream ended, or was silent; a new one is opened after a pause that doubles up to `LAST_RETRY_MS`. The last
 *   numbers stay, and `live` says that they are old
 * - asleep: nobody can see the page. A browser has six connections to a server, for all its tabs together: with as many that
 *   listen in the background the next one would not even load
 *
 * @returns ends it.
 */
export function followFlow(onChange: (state: LiveFlow) => void): () => void {
  let state: LiveFlow = { flow: undefined, live: false };
  let retryMs = FIRST_RETRY_MS;
  let events: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const change = (to: LiveFlow): void => {
    state = to;
    onChange(state);
  };
  const expectWord = (): void => {
    clearTimeout(timer);
    timer = setTimeout(cut, SILENCE_MS);
  };
  const cut = (): void => {
    events?.close();
    change({ ...state, live: false });
    clearTimeout(timer);
    timer = setTimeout(open, retryMs);
    retryMs = Math.min(LAST_RETRY_MS, retryMs * 2);
    // A stream does not say why it was refused; this does, and brings the login when that is why.
    get('/flow').catch(() => undefined);
  };
  const open = (): void => {
    events?.close();
    events = eventsOf('/flow/events');
    events.addEventListener('flow', (event) => {
      retryMs = FIRST_RETRY_MS;
      change({ flow: JSON.parse(event.data) as Flow, live: true });
      expectWord();
    });
    events.addEventListener('error', cut);
    expectWord();
  };
  const sleep = (): void => {
    clearTimeout(timer);
    events?.close();
  };
  const sleepOrWake = (): void => {
    if (document.hidden) {
      sleep();
      change({ ...state, live: false });
    } else open();
  };
  if (!document.hidden) open();
  document.addEventListener('visibilitychange', sleepOrWake);
  return () => {
    document.removeEventListener('visibilitychange', sleepOrWake);
    sleep();
  };
}
