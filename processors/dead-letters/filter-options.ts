import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseLetterId } from '#contract/dead-letter.ts';
import { REJECT_REASONS, type RejectReason } from '#contract/reject-reason.ts';
import { assertRising, momentArgument, parseMoment } from '#runtime/moment.ts';
import type { JudgeAt } from './judge.ts';
import type { LetterFilter } from './letter-filter.ts';
import { LETTER_STAGES, type LetterStage } from './letters.ts';

export interface FilterOptions {
  readonly reason?: RejectReason[];
  readonly device?: string[];
  readonly schema?: string[];
  readonly stage?: LetterStage[];
  readonly source?: string[];
  readonly since?: number;
  readonly until?: number;
  readonly all?: boolean;
  readonly dismissedSince?: number;
}

/** The options that choose letters. */
export function addFilters(command: Command, now: () => number): Command {
  const moment = momentArgument(now);
  const several = (flags: string, help: string, words?: readonly string[]): Option => {
    const option = new Option(flags, `${help}; repeatable`);
    return option.argParser((text: string, previous: string[] | undefined) => {
      if (words !== undefined && !words.includes(text)) {
        throw new InvalidArgumentError(`expected one of ${words.join(', ')}`);
      }
      return [...(previous ?? []), text];
    });
  };
  return command
    .addOption(several('--reason <reason>', 'refused for this reason', REJECT_REASONS))
    .addOption(several('--device <id>', 'of this device'))
    .addOption(several('--schema <name>', 'naming this schema, such as environment/1'))
    .addOption(several('--stage <stage>', `written by: ${LETTER_STAGES.join(', ')}`, LETTER_STAGES))
    .addOption(
      several('--source <name>', 'of the topics of this mapping; none: of topics that no mapping knows'),
    )
    .option('--since <when>', 'written since then: an age (30m, 2h, 7d) or an ISO time, UTC', moment)
    .option('--until <when>', 'written before then', moment);
}

/** @throws PipelineError `usage` */
export function filterOf(options: FilterOptions, ids: readonly string[] = []): LetterFilter {
  const { reason, device, schema, stage, source, since, until, all, dismissedSince } = options;
  assertRising(since, until);
  return {
    ...(ids.length > 0 && { ids: new Set(ids) }),
    ...(reason && { reasons: new Set(reason) }),
    ...(device && { devices: new Set(device) }),
    ...(schema && { schemas: new Set(schema) }),
    ...(stage && { stages: new Set(stage) }),
    ...(source && { sources: new Set(source) }),
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    ...(all === true && { all }),
    ...(dismissedSince !== undefined && { changedSince: dismissedSince }),
  };
}

/** By which time a replay judges whether readings are too old or ahead. */
export function judgeAtOption(now: () => number): Option {
  return new Option(
    '--judge-at <time>',
    'whether readings are too old or ahead is judged by: "received" (the gateway\'s clock when they came), "now", or a time',
  )
    .default('received' satisfies JudgeAt)
    .argParser((text: string): JudgeAt => {
      if (text === 'received') return text;
      const moment = text === 'now' ? now() : parseMoment(text, now());
      if (moment !== undefined) return moment;
      throw new InvalidArgumentError('expected "received", "now", an age such as 2h, or an ISO time');
    });
}

/** Option parser: the id of a letter. */
export function letterIdArgument(text: string): string {
  const position = parseLetterId(text);
  // Written again from its numbers, since 0-007 and 0-7 are the same place.
  if (position !== undefined) return `${position.partition}-${position.offset}`;
  throw new InvalidArgumentError('expected the id of a letter, such as 3-17');
}

/** Option parser: ids of letters, one after the other. */
export function collectIds(text: string, previous: string[] | undefined): string[] {
  return [...(previous ?? []), letterIdArgument(text)];
}
