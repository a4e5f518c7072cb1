import { readlinkSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import type { HashAnswer, HashRequest } from './hash-threads.ts';
import { verifySlow } from './verify-slow.ts';

// Entry of a thread of `HashThreads`.

/** By so much nicer than the event loop: of a core that both want it gets about a quarter, so logins still go on. */
const NICER = 5;
const NICEST = 19;

/** Linux has a priority for each thread; elsewhere it would be that of the whole process. */
function giveWay(): void {
  try {
    const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1));
    setPriority(thread, Math.min(NICEST, getPriority(thread) + NICER));
  } catch {
    // Then with the priority of all others.
  }
}

giveWay();
parentPort?.on('message', async ({ id, password, hash }: HashRequest) => {
  const answer = (outcome: Pick<HashAnswer, 'isRight' | 'error'>): void =>
    parentPort?.postMessage({ id, ...outcome } satisfies HashAnswer);
  try {
    answer({ isRight: await verifySlow(password, hash) });
  } catch (error) {
    answer({ isRight: false, error: String(error) });
  }
});
