import type { Mqtt5Answer } from '#contract/mqtt5-answer.ts';

/** To SUBSCRIBE and UNSUBSCRIBE: nothing is granted. */
export const SUBSCRIPTION_ANSWERS = {
  subscriptionRefused: {
    packet: 'SUBACK',
    code: 0x87,
    name: 'Not authorized',
    when: 'any subscription: nothing is delivered to devices',
    device: 'go on without it',
  },
  filterInvalid: {
    packet: 'SUBACK',
    code: 0x8f,
    name: 'Topic Filter invalid',
    when: 'a filter that is none',
    device: 'go on without it',
  },
  sharedSubscriptionRefused: {
    packet: 'SUBACK',
    code: 0x9e,
    name: 'Shared Subscriptions not supported',
    when: 'a filter with `$share/`',
    device: 'go on without it',
  },
  subscriptionIdentifierRefused: {
    packet: 'SUBACK',
    code: 0xa1,
    name: 'Subscription Identifiers not supported',
    when: 'a subscription with an identifier',
    device: 'go on without it',
  },
  wildcardSubscriptionRefused: {
    packet: 'SUBACK',
    code: 0xa2,
    name: 'Wildcard Subscriptions not supported',
    when: 'a filter with `+` or `#`',
    device: 'go on without it',
  },
  notSubscribed: {
    packet: 'UNSUBACK',
    code: 0x11,
    name: 'No subscription existed',
    when: 'any filter',
    device: 'go on',
  },
} as const satisfies Record<string, Mqtt5Answer>;
