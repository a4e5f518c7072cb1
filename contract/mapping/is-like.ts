/** Of a text, where a longer one is like nothing, and of a pattern: a bound for their product, which is what looking may cost. */
export const LIKE_LENGTH = 256;
const ANY_CHARACTER = '?'.charCodeAt(0);

/** Whether a text is like a pattern. */
export type IsLike = (text: string) => boolean;

/** Compiles a pattern in which `*` stands for any text, also none, and `?` for one character. */
export function likenessTo(pattern: string): IsLike {
  const [head, tail, ...others] = pattern.split('*') as [string, ...string[]];
  if (tail === undefined) return (text) => text.length === head.length && fits(head, text, 0);
  const shortest = head.length + tail.length;
  if (others.length === 0) {
    return (text) =>
      text.length >= shortest &&
      text.length <= LIKE_LENGTH &&
      fits(tail, text, text.length - tail.length) &&
      fits(head, text, 0);
  }
  return (text) => text.length <= LIKE_LENGTH && isLike(text, pattern);
}

/** Whether this part of a pattern, which has no `*`, is what stands there. */
function fits(part: string, text: string, from: number): boolean {
  for (let at = 0; at < part.length; at++) {
    const wanted = part.charCodeAt(at);
    if (wanted !== text.charCodeAt(from + at) && wanted !== ANY_CHARACTER) return false;
  }
  return true;
}

function isLike(text: string, pattern: string): boolean {
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
