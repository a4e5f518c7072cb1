import { expect, test } from 'vitest';
import { encodeLetterState, type LetterState } from '#contract/letter-state.ts';
import type { AppendRecord } from '#contract/log-record.ts';
import { dismissLetters } from './dismiss.ts';
import { readLetterStates } from './letter-states.ts';
import { readLetters, statusOf } from './letters.ts';
import { DeadLetterMonitor } from './monitor.ts';
import { appendLetter, letterFor, openTestLog, TOPICS, testDeps } from './testing/log-with-letters.ts';

const never = new AbortController().signal;
const WITHIN_MS = 20_000;

/**
 * Aim: a dead-letter topic that somebody deleted is made anew, while the topic of the states stays: its letters have the
 * ids of those before. Method: states of letters that were written an hour before those that stand there.
 */
test('[P2] what became of letters that are gone is not said of those that have their ids now', async () => {
  await using log = await openTestLog();
  const { log: eventLog } = log;
  const all = { filter: {}, dryRun: false, signal: never };
  const deps = { eventLog, topics: TOPICS, now: Date.now };
  const append = (record: AppendRecord) => eventLog.append(record, performance.now() + WITHIN_MS);
  const stateOf = async (offset: number) => (await readLetterStates(eventLog, TOPICS)).get(0)?.get(offset);
  await appendLetter(eventLog, letterFor('a', '{'));
  await dismissLetters(all, deps);
  const dismissed = await stateOf(0);
  const [gone] = await Array.fromAsync(eventLog.read(TOPICS.deadLetters));
  expect(dismissed).toMatchObject({ outcome: 'dismissed', letterTime: gone?.timestamp });
  const ofAnotherOne = { ...(dismissed as LetterState), letterTime: (gone?.timestamp ?? 0) - 3_600_000 };
  await append(encodeLetterState(TOPICS.deadLetterState, { partition: 0, offset: 0 }, ofAnotherOne));
  await append(encodeLetterState(TOPICS.deadLetterState, { partition: 0, offset: 1 }, ofAnotherOne));
  await appendLetter(eventLog, letterFor('a', '['));

  const monitored = testDeps();
  const monitor = new DeadLetterMonitor(
    { topics: TOPICS, retentionMs: WITHIN_MS },
    { ...monitored, eventLog },
  );
  const pending = async () => {
    await monitor.look(never);
    const values = (await monitored.metrics.getSingleMetric('dead_letters_pending')?.get())?.values ?? [];
    return values.reduce((sum, { value }) => sum + value, 0);
  };
  const statuses = async () => {
    const states = await readLetterStates(eventLog, TOPICS);
    return (await Array.fromAsync(readLetters(eventLog, TOPICS, states))).map(statusOf);
  };
  expect([await statuses(), await pending()]).toEqual([['pending', 'pending'], 2]);
  expect(await dismissLetters(all, deps)).toMatchObject({ changed: 2 });
  expect([await statuses(), await pending()]).toEqual([['dismissed', 'dismissed'], 0]);
});
