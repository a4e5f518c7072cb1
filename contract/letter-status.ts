/** `parked`: refused too often, waits for a person and is replayed only when asked for by id or by its reason. */
export const LETTER_STATUSES = [
  'pending',
  'parked',
  'replayed',
  'recovered',
  'superseded',
  'dismissed',
  'duplicate',
] as const;
export type LetterStatus = (typeof LETTER_STATUSES)[number];
