/** Letters that may differ: one of a short name, one more for each six of a longer one. */
const LETTERS_PER_SLIP = 6;

/**
 * The name that was probably meant: one that differs in a slip of the keyboard or two, not in its first letter. `undefined` =
 * none does. Every start asks for every variable of the environment: most pairs are told apart without counting slips.
 */
export function similarName(name: string, known: Iterable<string>): string | undefined {
  let best: { readonly name: string; readonly slips: number } | undefined;
  for (const candidate of known) {
    const allowed = Math.max(1, Math.floor(candidate.length / LETTERS_PER_SLIP));
    if (name[0] !== candidate[0] || Math.abs(name.length - candidate.length) > allowed) continue;
    const slips = slipsBetween(name, candidate);
    if (slips <= allowed && slips < (best?.slips ?? Infinity)) best = { name: candidate, slips };
  }
  return best?.name;
}

/** Letters that are missing, too many, wrong, or in the order of each other (Damerau and Levenshtein, restricted). */
function slipsBetween(a: string, b: string): number {
  let [last, row]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const at = (numbers: readonly number[], index: number): number => numbers[index] ?? Infinity;
      const isSame = a[i - 1] === b[j - 1];
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(
        at(row, j) + 1,
        at(next, j - 1) + 1,
        at(row, j - 1) + (isSame ? 0 : 1),
        isSwapped ? at(last, j - 2) + 1 : Infinity,
      );
    }
    [last, row] = [row, next];
  }
  return row[b.length] ?? 0;
}
