import type { z } from 'zod';
import { VARIABLES, type VariableName } from '#runtime/variables.ts';

/** A variable as documents and commands tell it. */
export interface VariableDescription {
  readonly name: VariableName;
  readonly help: string;
  /** Empty when there is none, or when it follows from others. */
  readonly default: string;
  /** In words, as in "expected …". */
  readonly accepts: string;
  readonly secret: boolean;
}

export function listVariables(): readonly VariableDescription[] {
  return Object.entries(VARIABLES).map(([name, variable]) => {
    const result = variable.schema.safeParse(undefined);
    const fallback = result.success && result.data !== undefined ? String(result.data) : '';
    return {
      name: name as VariableName,
      help: variable.help,
      default: fallback,
      accepts: acceptedBy(variable.schema),
      secret: 'secret' in variable,
    };
  });
}

/** What it says to something that no variable accepts: no number and no word, and nothing at all. */
function acceptedBy(schema: z.ZodType): string {
  for (const unacceptable of ['\0', '']) {
    const { success, error } = schema.safeParse(unacceptable);
    if (!success) return error.issues[0]?.message ?? '';
  }
  return '';
}
