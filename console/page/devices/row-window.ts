/** Rows drawn above and below what is in sight, so that scrolling finds them there. */
const MARGIN = 12;

/** Which rows are to be drawn, the last one not included. */
export function windowOf(
  scroll: { readonly top: number; readonly height: number },
  rows: number,
  rowHeight: number,
): { readonly first: number; readonly last: number } {
  const first = Math.max(0, Math.min(rows, Math.floor(scroll.top / rowHeight) - MARGIN));
  const last = Math.min(rows, Math.ceil((scroll.top + scroll.height) / rowHeight) + MARGIN);
  return { first, last: Math.max(first, last) };
}
