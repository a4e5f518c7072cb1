import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { DEVICE_LIMIT_RANGES, LIMITS } from '#contract/limits.ts';
import { decimalNumber, duration, wholeNumber } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { Credential } from './credential.ts';
import { type DeviceTerms, deviceTerms, LONGEST_SILENCE_SECONDS } from './device-terms.ts';

export interface TermOptions {
  readonly forwards?: string[];
  readonly maxDevices?: number;
  readonly label?: Readonly<Record<string, string>>;
  readonly messagesPerSecond?: number;
  readonly burst?: number;
  readonly inflightMessages?: number;
  readonly inflightBytes?: number;
  /** Milliseconds. */
  readonly silentAfter?: number;
}

/** What is said of a device besides its password. */
export function addTermOptions(command: Command): Command {
  const { messagesPerSecond, burst, inflightMessages, inflightBytes } = DEVICE_LIMIT_RANGES;
  return command
    .option(
      '--forwards <filter...>',
      'topic filters that a bridge or gateway box may publish to for others, beside its own topic',
    )
    .option(
      '--max-devices <n>',
      `how many devices such a client may name, readings of others are dead letters (default: ${LIMITS.forwardedDevices})`,
      wholeNumber(1),
    )
    .option('--label <name=value>', 'what you say about the device: site=a (again for more)', collectLabel)
    .option(
      '--messages-per-second <n>',
      'what it may send, sustained, instead of what all may',
      decimalNumber(messagesPerSecond.min, messagesPerSecond.max),
    )
    .option('--burst <n>', 'messages that it may send at once', wholeNumber(burst.min, burst.max))
    .option(
      '--inflight-messages <n>',
      'messages of it that may wait for the log',
      wholeNumber(inflightMessages.min, inflightMessages.max),
    )
    .option('--inflight-bytes <n>', 'their bytes', wholeNumber(inflightBytes.min, inflightBytes.max))
    .option(
      '--silent-after <time>',
      'without a message for so long it is told as silent: 26h, 10m; 0 = never (default: DEVICE_SILENT_SECONDS)',
      duration(LONGEST_SILENCE_SECONDS * 1000),
    );
}

/** @throws PipelineError `usage` with all that is wrong. */
export function termsOf(options: TermOptions): DeviceTerms {
  const { forwards, maxDevices, label: labels, silentAfter } = options;
  const { messagesPerSecond, burst, inflightMessages, inflightBytes } = options;
  const limits = defined({ messagesPerSecond, burst, inflightMessages, inflightBytes });
  const terms = defined({
    forwards,
    maxDevices,
    labels,
    silentAfterSeconds: silentAfter === undefined ? undefined : Math.ceil(silentAfter / 1000),
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  });
  const judged = z.strictObject(deviceTerms).safeParse(terms);
  if (judged.success) return judged.data;
  throw new PipelineError('usage', judged.error.issues.map((issue) => told(issue, forwards)).join('\n'));
}

/** Terms that were put together, or what is wrong with them. */
export function judgedTerms(terms: DeviceTerms): DeviceTerms | string {
  const judged = z.strictObject(deviceTerms).safeParse(terms);
  return judged.success ? judged.data : judged.error.issues.map((issue) => told(issue)).join('; ');
}

/**
 * What holds of a device that is let in anew: what is said of it and is not named stays; what it may publish for others is a
 * right, and given anew. Or what is wrong with all of it together.
 */
export function termsOnTopOf(entry: Credential | undefined, terms: DeviceTerms): DeviceTerms | string {
  const before =
    entry === undefined || entry === 'revoked' ? {} : withoutTerms(entry, ['forwards', 'maxDevices']).terms;
  return judgedTerms(mergedTerms(before, terms));
}

/**
 * The terms of an entry without some, and the rest of it.
 *
 * @param remove `labels`, or `labels.site` for one of them
 * @throws PipelineError `usage`: there is no such thing
 */
export function withoutTerms(
  entry: DeviceTerms,
  remove: readonly string[],
): { readonly terms: DeviceTerms; readonly rest: object } {
  const parts = Object.entries(entry);
  const terms = new Map<string, unknown>(parts.filter(([key]) => key in deviceTerms));
  for (const name of remove) {
    const [key = '', inner] = name.split(/\.(.*)/s);
    if (!(key in deviceTerms) || (inner !== undefined && key !== 'labels' && key !== 'limits'))
      throw new PipelineError('usage', `--remove: there is no ${JSON.stringify(name)}`);
    const left = Object.entries((inner && terms.get(key)) || {}).filter(([it]) => it !== inner);
    if (left.length > 0) terms.set(key, Object.fromEntries(left));
    else terms.delete(key);
  }
  return {
    terms: Object.fromEntries(terms),
    rest: Object.fromEntries(parts.filter(([key]) => !(key in deviceTerms))),
  };
}

/** Those of a device, where it has some of its own; labels and limits one by one. */
export function mergedTerms(all: DeviceTerms, own: DeviceTerms): DeviceTerms {
  return defined({
    ...all,
    ...own,
    labels: all.labels && own.labels ? { ...all.labels, ...own.labels } : (own.labels ?? all.labels),
    limits: all.limits && own.limits ? { ...all.limits, ...own.limits } : (own.limits ?? all.limits),
  });
}

function told({ path, message }: z.core.$ZodIssue, forwards: readonly string[] = []): string {
  const [key, index] = path;
  if (key === 'forwards' && typeof index === 'number')
    return `--forwards: not a topic filter: ${JSON.stringify(forwards[index])}`;
  return `${path.join('.')} ${message}`;
}

function collectLabel(text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
  if (name === undefined || value === undefined) throw new InvalidArgumentError('expected name=value');
  return { ...before, [name]: value };
}

function defined<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, it]) => it !== undefined)) as Value;
}
