import { PipelineError } from '#runtime/errors.ts';
import { KEY_SET_BYTES, type KeySet, parseKeySet } from './key-set.ts';

/** Milliseconds until an answer must be there, whole. */
const ANSWER_MS = 10_000;

/**
 * Asks an identity provider for its keys, bounded in time and size. A redirect is not followed: it could lead from a place
 * that is trusted to one that is not.
 *
 * @throws whatever is wrong, in words; nothing of the answer is quoted.
 */
export async function fetchKeySet(url: string, signal: AbortSignal): Promise<KeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]),
  });
  if (!response.ok) {
    await response.body?.cancel();
    throw new PipelineError('configuration', `it answers ${response.status}`);
  }
  return parseKeySet(await boundedText(response));
}

async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > KEY_SET_BYTES)
      throw new PipelineError('configuration', `its answer is larger than ${KEY_SET_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
