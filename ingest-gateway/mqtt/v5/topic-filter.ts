import type { Mqtt5AnswerName } from '#contract/mqtt5-answers.ts';

/** Why a subscription is refused. None is ever accepted: nothing is delivered to devices. */
export type SubscriptionAnswer = Extract<
  Mqtt5AnswerName,
  | 'filterInvalid'
  | 'sharedSubscriptionRefused'
  | 'subscriptionIdentifierRefused'
  | 'wildcardSubscriptionRefused'
  | 'subscriptionRefused'
>;

/** `#` alone in the last level, `+` alone in any (4.7.1). */
const FILTER = /^(?:(?:[^+#/]*|\+)\/)*(?:[^+#/]*|\+|#)$/;
/** A name without wildcards, and a filter (4.8.2). */
const SHARED = /^\$share\/[^+#/]+\/(.+)$/;

/** @param identified the SUBSCRIBE carries a subscription identifier */
export function judgeFilter(filter: string, identified: boolean): SubscriptionAnswer {
  const isShared = filter.startsWith('$share/');
  const plain = isShared ? SHARED.exec(filter)?.[1] : filter;
  if (plain === undefined || plain === '' || !FILTER.test(plain)) return 'filterInvalid';
  if (isShared) return 'sharedSubscriptionRefused';
  if (identified) return 'subscriptionIdentifierRefused';
  return /[+#]/.test(plain) ? 'wildcardSubscriptionRefused' : 'subscriptionRefused';
}
