/** Longer text is like nothing: a bound for the product of both lengths, which is what looking may cost. */
const TEXT_LENGTH = 256;

/** Whether a text is like a pattern in which `*` stands for any text, also none, and `?` for one character. */
export function isLike(text: string, pattern: string): boolean {
  if (text.length > TEXT_LENGTH) return false;
  let at = 0;
  let place = 0;
  // Where the last * stands, and how much of the text it takes so far: what went wrong after it is tried again with more.
  let star = -1;
  let taken = 0;
  while (at < text.length) {
    if (pattern[place] === '*') {
      star = place++;
      taken = at;
    } else if (place < pattern.length && (pattern[place] === '?' || pattern[place] === text[at])) {
      at++;
      place++;
    } else if (star >= 0) {
      place = star + 1;
      at = ++taken;
    } else return false;
  }
  while (pattern[place] === '*') place++;
  return place === pattern.length;
}
