import { insideKafkajs } from './kafkajs-internals.ts';

interface RequestQueue {
  readonly pending: readonly unknown[];
  throttleCheckTimeoutId: NodeJS.Timeout | null;
  scheduleCheckPendingRequests(): void;
}

let fixed = false;

/**
 * Every kafkajs connection re-arms, after each answer and from then on for ever, a timer with the time left of the
 * last throttling. Without throttling that is a large negative number: Node makes it 1 ms (and since Node 24 prints
 * `TimeoutNegativeWarning`), so each open connection wakes the process a thousand times a second (tulios/kafkajs#1556,
 * #1704, #1751; measured: see `timer-spin.test.ts`). The timer is needed only while requests wait for their turn.
 *
 * Replaced here rather than with patch-package: it works without install scripts and in production installs, and the
 * test beside it fails when it no longer takes effect.
 */
export function preventTimerSpin(): void {
  if (fixed) return;
  fixed = true;
  const { prototype } = insideKafkajs<{ prototype: RequestQueue }>('network/requestQueue/index.js');
  const original = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0) original.call(this);
  };
}
