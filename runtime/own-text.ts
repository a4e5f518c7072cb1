/**
 * The beginning of a text, as a text of its own: what `slice` gives holds on to all of the text in V8, so that 64 characters
 * that are remembered may keep 64 KiB of somebody's topic.
 */
export function beginningOf(text: string, characters: number): string {
  return text.length <= characters ? text : Buffer.from(text.slice(0, characters)).toString();
}
