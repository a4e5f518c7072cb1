import { readFileSync } from 'node:fs';
import { describeError, PipelineError } from '#runtime/errors.ts';

/** The text of a list: `-` is standard input. @throws PipelineError `usage` */
export async function readList(from: string, readStdin: () => Promise<string>): Promise<string> {
  if (from === '-') return readStdin();
  try {
    return readFileSync(from, 'utf8');
  } catch (cause) {
    throw new PipelineError('usage', `--from: ${describeError(cause)}`, { cause });
  }
}
