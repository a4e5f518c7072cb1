/** What queries of the API may say, as JSON Schema. */
export const milliseconds = { type: 'integer', minimum: 0, maximum: Number.MAX_SAFE_INTEGER } as const;

/** Until now; a month at most. */
export const minutes = { type: 'integer', minimum: 1, maximum: 43_200, default: 60 } as const;

/** Where a page begins: what an answer before gave as `next`. */
export const cursor = { type: 'integer', minimum: 0, maximum: 10_000_000, default: 0 } as const;

export const limit = (maximum: number, fallback: number) =>
  ({ type: 'integer', minimum: 1, maximum, default: fallback }) as const;
