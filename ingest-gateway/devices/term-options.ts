import { type Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { LIMITS } from '#contract/limits.ts';
import { decimalNumber, wholeNumber } from '#runtime/command-line.ts';
import { PipelineError } from '#runtime/errors.ts';
import { type DeviceTerms, deviceTerms } from './device-terms.ts';

export interface TermOptions {
  readonly forwards?: string[];
  readonly maxDevices?: number;
  readonly label?: Readonly<Record<string, string>>;
  readonly messagesPerSecond?: number;
  readonly burst?: number;
  readonly inflightMessages?: number;
  readonly inflightBytes?: number;
}

/** What is said of a device besides its password. */
export function addTermOptions(command: Command): Command {
  return command
    .option(
      '--forwards <filter...>',
      'topic filters that a bridge or gateway box may publish to for others, beside its own topic',
    )
    .option(
      '--max-devices <n>',
      `how many devices such a client may name (default ${LIMITS.forwardedDevices}); readings of others are dead letters`,
      wholeNumber(1),
    )
    .option('--label <name=value>', 'what you say about the device: site=a (again for more)', collectLabel)
    .option(
      '--messages-per-second <n>',
      'what it may send, sustained, instead of what all may',
      decimalNumber(0),
    )
    .option('--burst <n>', 'messages that it may send at once', wholeNumber(1))
    .option('--inflight-messages <n>', 'messages of it that may wait for the log', wholeNumber(1))
    .option('--inflight-bytes <n>', 'their bytes', wholeNumber(1));
}

/** @throws PipelineError `usage` with all that is wrong. */
export function termsOf(options: TermOptions): DeviceTerms {
  const { forwards, maxDevices, label: labels } = options;
  const { messagesPerSecond, burst, inflightMessages, inflightBytes } = options;
  const limits = defined({ messagesPerSecond, burst, inflightMessages, inflightBytes });
  if (maxDevices !== undefined && forwards === undefined)
    throw new PipelineError('usage', '--max-devices: expected --forwards, too');
  const terms = defined({
    forwards,
    maxDevices,
    labels,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
  });
  const judged = z.strictObject(deviceTerms).safeParse(terms);
  if (judged.success) return judged.data;
  throw new PipelineError('usage', judged.error.issues.map((issue) => told(issue, forwards)).join('\n'));
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
