/**
 * What the console's page and its server say to each other under `/api/v1`, here and in the files beside: types alone, so that
 * a browser can have them. Times are milliseconds since the epoch unless they say seconds, counts are since the process that
 * counts began, rates are a second. Lists are bounded (`limit`, at most 1,000). What devices wrote (ids, payloads, details,
 * headers) is the text of strangers, as it is: whoever shows it makes it text, never markup.
 */

/** The body of every answer from status 400 on. */
export interface ApiError {
  readonly error: { readonly code: string; readonly message: string };
}

export interface Page {
  /** On all pages. */
  readonly total: number;
  /** To be given as `cursor`; `null` = that was all. */
  readonly next: string | null;
}

/** `GET /session`: whether a password is wanted, and whether we have shown it. `POST` opens one, `DELETE` ends it. */
export interface Session {
  readonly required: boolean;
  readonly open: boolean;
}
