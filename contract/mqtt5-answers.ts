import { CONNECT_ANSWERS } from '#contract/mqtt5-connect-answers.ts';
import { DISCONNECT_ANSWERS } from '#contract/mqtt5-disconnect-answers.ts';
import { MESSAGE_ANSWERS } from '#contract/mqtt5-message-answers.ts';
import { SUBSCRIPTION_ANSWERS } from '#contract/mqtt5-subscription-answers.ts';

/** Everything that an MQTT 5 client can be told, as data: the gateway answers from it, `docs/mqtt5.md` prints it. */
export const MQTT5_ANSWERS = {
  ...MESSAGE_ANSWERS,
  ...SUBSCRIPTION_ANSWERS,
  ...CONNECT_ANSWERS,
  ...DISCONNECT_ANSWERS,
} as const;

export type Mqtt5AnswerName = keyof typeof MQTT5_ANSWERS;
