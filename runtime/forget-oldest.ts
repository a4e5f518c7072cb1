/**
 * Keeps a map within its capacity, in which whatever is used was moved to the end. A tenth goes at once: a Map finds its
 * first entry by stepping over all that were deleted before it, which for each new entry would be a long way.
 */
export function forgetOldest<Value>(
  map: Map<string, Value>,
  capacity: number,
  onForgotten: (value: Value) => void = () => undefined,
): void {
  if (map.size <= capacity) return;
  let surplus = Math.max(1, Math.floor(capacity / 10));
  for (const [key, value] of map) {
    map.delete(key);
    onForgotten(value);
    if (--surplus === 0) return;
  }
}
