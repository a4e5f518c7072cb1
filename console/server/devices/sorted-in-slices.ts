import { TimeSlice } from '#runtime/time-slice.ts';

/** Sorted at once: a millisecond or so. */
const RUN = 1_000;

/** Sorts as `toSorted` does, and rests in between: of ten thousand that would be a pause for every device that waits for its PUBACK. */
export async function sortedInSlices<Item>(
  items: readonly Item[],
  compare: (a: Item, b: Item) => number,
): Promise<readonly Item[]> {
  const slice = new TimeSlice();
  let runs: (readonly Item[])[] = [];
  for (let at = 0; at < items.length; at += RUN) {
    runs.push(items.slice(at, at + RUN).sort(compare));
    if (slice.isOver()) await slice.rest();
  }
  while (runs.length > 1) {
    const longer: (readonly Item[])[] = [];
    for (let at = 0; at < runs.length; at += 2)
      longer.push(await merged(runs[at] ?? [], runs[at + 1] ?? [], compare, slice));
    runs = longer;
  }
  return runs[0] ?? [];
}

async function merged<Item>(
  a: readonly Item[],
  b: readonly Item[],
  compare: (a: Item, b: Item) => number,
  slice: TimeSlice,
): Promise<readonly Item[]> {
  const result: Item[] = [];
  let [fromA, fromB] = [0, 0];
  while (fromA < a.length && fromB < b.length) {
    const isOfA = compare(a[fromA] as Item, b[fromB] as Item) <= 0;
    result.push((isOfA ? a[fromA++] : b[fromB++]) as Item);
    if (slice.isOver()) await slice.rest();
  }
  return result.concat(a.slice(fromA), b.slice(fromB));
}
