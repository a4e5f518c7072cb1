import { describeError, PipelineError } from '#runtime/errors.ts';
import { readText } from '#runtime/read-text.ts';

/** The text of a list: `-` is standard input. @throws PipelineError `usage` */
export async function readList(from: string, readStdin: () => Promise<string>): Promise<string> {
  if (from === '-') return readStdin();
  try {
    return readText(from);
  } catch (cause) {
    throw new PipelineError('usage', `--from: ${describeError(cause)}`, { cause });
  }
}
