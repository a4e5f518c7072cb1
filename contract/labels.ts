import { LIMITS } from '#contract/limits.ts';

/**
 * What an operator says about a device, by name: `{ site: 'a', line: '2' }`. The gateway knows it from the credentials
 * file; a record carries it (header `labels`), so that whoever reads the log later knows it, too, as it was then.
 */
export type Labels = Readonly<Record<string, string>>;

/** Small letters only: SQLite takes `Site` and `site` for one column, InfluxDB for two tags. */
const NAME = /^[a-z][a-z0-9_]{0,31}$/;
/** Names that stores use themselves, or that every JavaScript object has. */
const RESERVED = new Set(['device', 'time', 'seq', 'constructor']);
/**
 * No control characters, line ends or lone surrogates. A backslash at the end of a tag would take away what ends it in
 * InfluxDB's line protocol, and one anywhere means something else there.
 */
const VALUE = /^(?! )[^\p{C}\p{Zl}\p{Zp}\\]{1,64}(?<! )$/u;

export function isLabelName(name: string): boolean {
  return NAME.test(name) && !RESERVED.has(name);
}

export function isLabelValue(text: string): boolean {
  return VALUE.test(text);
}

/**
 * The labels of a record whose mapping says more of it than its device's credentials: the mapping's are surely there, the
 * device's as far as all of them fit.
 *
 * @param header of the device.
 */
export function withLabels(header: string | undefined, more: Labels | undefined): string | undefined {
  if (more === undefined) return header;
  const both = { ...decodeLabels(header), ...more };
  return encodeLabels(labelProblems(both).length === 0 ? both : more);
}

/** What is wrong with the labels of a device, as `name: what`; `[]` = nothing. */
export function labelProblems(labels: Labels): string[] {
  const problems: string[] = [];
  for (const [name, value] of Object.entries(labels)) {
    if (!isLabelName(name)) {
      const reserved = RESERVED.has(name) ? ' (this one is reserved)' : '';
      problems.push(
        `${JSON.stringify(name)}: must be a name of 1–32 of a-z 0-9 _ that begins with a letter${reserved}`,
      );
    } else if (!isLabelValue(value)) {
      problems.push(
        `${name}: must be 1–64 characters without control characters, backslashes, or spaces around them`,
      );
    }
  }
  const count = Object.keys(labels).length;
  if (count > LIMITS.labelsPerDevice)
    problems.push(`${count} labels: must be at most ${LIMITS.labelsPerDevice}`);
  else if (problems.length === 0 && Buffer.byteLength(encodeLabels(labels)) > LIMITS.labelBytes)
    problems.push(`must be at most ${LIMITS.labelBytes} bytes as JSON`);
  return problems;
}

/** As they stand in a record's header. */
export function encodeLabels(labels: Labels): string {
  return JSON.stringify(labels);
}

/** From a header; `undefined` when there are none, or none that a gateway would have written. */
export function decodeLabels(header: string | undefined): Labels | undefined {
  if (header === undefined || header.length > LIMITS.labelBytes) return undefined;
  try {
    const labels: unknown = JSON.parse(header);
    return isLabels(labels) && labelProblems(labels).length === 0 ? labels : undefined;
  } catch {
    return undefined;
  }
}

function isLabels(value: unknown): value is Labels {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((label) => typeof label === 'string')
  );
}
