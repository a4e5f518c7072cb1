import { describe, expect, test } from 'vitest';
import { PipelineError } from '#runtime/errors.ts';
import { failureOfCode, failureOfRequest } from './append/append-failure.ts';
import { withPatience } from './ask/patience.ts';
import { waysOn } from './consume/consumer-failure.ts';
import { kafkaErrorCode } from './wire/error-codes.ts';

/** As kafkajs makes an error of a broker's answer. */
function answered(code: number): Error {
  const type = kafkaErrorCode(code).name;
  return Object.assign(new Error('what Kafka says'), { name: 'KafkaJSProtocolError', type, code });
}

/**
 * What is done about each error of Kafka that can reach us: to a record that is appended, by a consumer (its fetches,
 * commits and memberships), and about a question. `again` = soon, `slowly` = an operator is told and has to act.
 */
const TABLE: readonly (readonly [code: number, append: string, consumer: string, question: string])[] = [
  [-1, 'later', 'again', 'again'],
  [2, 'later', 'again', 'again'],
  [3, 'later', 'again', 'again'],
  [5, 'later', 'again', 'again'],
  [6, 'later', 'again', 'again'],
  [7, 'apart', 'again', 'again'],
  [8, 'later', 'again', 'again'],
  [9, 'later', 'again', 'again'],
  [10, 'smaller', 'again', 'again'],
  [12, 'much-later', 'ends', 'told'],
  [13, 'later', 'again', 'again'],
  [14, 'later', 'again', 'again'],
  [15, 'later', 'again', 'again'],
  [16, 'later', 'again', 'again'],
  [17, 'much-later', 'slowly', 'told'],
  [18, 'smaller', 'again', 'again'],
  [19, 'later', 'again', 'again'],
  [20, 'apart', 'again', 'again'],
  [21, 'much-later', 'ends', 'told'],
  [22, 'later', 'again', 'again'],
  [23, 'much-later', 'slowly', 'told'],
  [25, 'later', 'again', 'again'],
  [26, 'much-later', 'slowly', 'told'],
  [27, 'later', 'again', 'again'],
  [29, 'much-later', 'slowly', 'told'],
  [30, 'much-later', 'slowly', 'told'],
  [31, 'much-later', 'slowly', 'told'],
  [32, 'much-later', 'slowly', 'told'],
  [33, 'much-later', 'slowly', 'told'],
  [35, 'much-later', 'ends', 'told'],
  [42, 'much-later', 'ends', 'told'],
  [43, 'much-later', 'slowly', 'told'],
  // Whoever sets a policy for records refuses this one; for topics it is the operator who asked.
  [44, 'smaller', 'slowly', 'told'],
  [56, 'later', 'again', 'again'],
  [58, 'much-later', 'slowly', 'told'],
  [74, 'later', 'again', 'again'],
  [76, 'much-later', 'slowly', 'told'],
  [81, 'much-later', 'slowly', 'told'],
  [82, 'later', 'again', 'again'],
  [87, 'smaller', 'again', 'again'],
  [88, 'later', 'again', 'again'],
  [4711, 'later', 'again', 'again'],
];

describe('[P10] what is permanent is not treated as if it passed, nor the reverse', () => {
  test.each(TABLE)('code %i', async (code, append, consumer, question) => {
    const error = new Error('what kafkajs says', { cause: answered(code) });
    expect(failureOfCode(code).remedy).toBe(append);
    const on = waysOn(error);
    expect(on === undefined ? 'ends' : on.mustAct ? 'slowly' : 'again').toBe(consumer);
    expect(await askedOnce(error)).toBe(question);
  });

  test('a request that fails before it is answered', () => {
    const local = (code: string) => Object.assign(new Error('connect'), { code });
    expect(failureOfRequest(local('ECONNRESET'))).toMatchObject({ cause: 'unreachable', remedy: 'later' });
    expect(failureOfRequest(local('SELF_SIGNED_CERT_IN_CHAIN'))).toMatchObject({ remedy: 'much-later' });
  });
});

/** Whether a question that fails so is asked again. */
async function askedOnce(error: Error): Promise<string> {
  let asked = 0;
  try {
    await withPatience('a question', async () => {
      if (asked++ > 0) throw new PipelineError('closed', 'that was enough');
      throw error;
    });
  } catch {
    // Told to whoever asked.
  }
  return asked > 1 ? 'again' : 'told';
}
