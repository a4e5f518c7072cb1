import type { Message } from './device-script.ts';
import { expectedCode } from './protocol.ts';

/** A message as far as it is still needed: to be sent again, and to be told from others. */
export interface Unacknowledged {
  readonly payload: Buffer;
  readonly firstSeq: number;
  readonly readings: number;
  /** What MQTT 5 should say to it. */
  readonly expectedCode: number;
  /** On the clock of `performance.now()`. */
  readonly sentAt: number;
}

export function unacknowledged({ payload, readings, rejected }: Message): Unacknowledged {
  return {
    payload,
    firstSeq: readings[0].seq,
    readings: readings.length,
    expectedCode: expectedCode(readings.length, rejected),
    sentAt: performance.now(),
  };
}
