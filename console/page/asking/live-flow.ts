import type { Flow } from '#console/api/flow.ts';
import { get } from './ask-server.ts';
import { steadyEvents } from './steady-events.ts';

export interface LiveFlow {
  readonly flow: Flow | undefined;
  /** `false` = the numbers are those of `flow.at`, and are being asked for again. */
  readonly live: boolean;
}

/**
 * The numbers of the flow as the server sends them ({@link steadyEvents}). While the connection is cut the last ones stay, and
 * `live` says that they are old.
 *
 * A page that nobody can see is asleep: a browser has six connections to a server, for all its tabs together; with as many that
 * listen in the background the next one would not even load.
 *
 * @returns ends it.
 */
export function followFlow(onChange: (state: LiveFlow) => void): () => void {
  let state: LiveFlow = { flow: undefined, live: false };
  let end: (() => void) | undefined;

  const change = (to: LiveFlow): void => {
    state = to;
    onChange(state);
  };
  const cut = (): void => {
    change({ ...state, live: false });
    // This says why the stream was refused, and brings the login when that is why.
    get('/flow').catch(() => undefined);
  };
  const listen = (): void => {
    end?.();
    end = steadyEvents('/flow/events', { flow: (flow: Flow) => change({ flow, live: true }) }, cut);
  };
  const sleepOrWake = (): void => {
    if (document.hidden) {
      end?.();
      change({ ...state, live: false });
    } else listen();
  };
  if (!document.hidden) listen();
  document.addEventListener('visibilitychange', sleepOrWake);
  return () => {
    document.removeEventListener('visibilitychange', sleepOrWake);
    end?.();
  };
}
