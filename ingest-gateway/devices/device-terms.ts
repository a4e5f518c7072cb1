import { z } from 'zod';
import { labelProblems } from '#contract/labels.ts';
import { DEVICE_LIMIT_RANGES } from '#contract/limits.ts';
import { isTopicFilter } from '#contract/topic-filter.ts';

const { messagesPerSecond, burst, inflightMessages, inflightBytes } = DEVICE_LIMIT_RANGES;

export const LONGEST_SILENCE_SECONDS = 366 * 24 * 60 * 60;

/** What one device may send, where it differs from what all may: a bridge, a gateway box, a machine that streams. */
const deviceLimitsSchema = z
  .strictObject({
    /** Sustained messages a second; below 1 for a device that may send one now and then. */
    messagesPerSecond: z.number().min(messagesPerSecond.min).max(messagesPerSecond.max).optional(),
    /** Messages at once; default: ten times `messagesPerSecond`. */
    burst: z.number().int().min(burst.min).max(burst.max).optional(),
    /** Messages that wait for the log, and their bytes. */
    inflightMessages: z.number().int().min(inflightMessages.min).max(inflightMessages.max).optional(),
    inflightBytes: z.number().int().min(inflightBytes.min).max(inflightBytes.max).optional(),
  })
  .refine((limits) => (limits.burst ?? Infinity) >= (limits.messagesPerSecond ?? 0), {
    path: ['burst'],
    message: 'must not be below messagesPerSecond, which could not be kept up then',
  });

/** See `contract/labels.ts`. */
const labelsSchema = z.record(z.string(), z.string()).superRefine((labels, context) => {
  for (const problem of labelProblems(labels)) context.addIssue(problem);
});

/** What the credentials file says of a device besides how it proves itself: for each kind of entry the same. */
export const deviceTerms = {
  /** Topic filters it may publish to for others, beside its own topic (see `intake/publish-access.ts`). */
  forwards: z.array(z.string().refine(isTopicFilter, 'must be an MQTT topic filter')).max(100).optional(),
  /** How many devices a forwarder may name. */
  maxDevices: z.number().int().positive().optional(),
  limits: deviceLimitsSchema.optional(),
  /** Seconds without a message after which it is told as silent, instead of `DEVICE_SILENT_SECONDS`; 0 = never. */
  silentAfterSeconds: z.number().int().min(0).max(LONGEST_SILENCE_SECONDS).optional(),
  labels: labelsSchema.optional(),
};
export type DeviceTerms = Readonly<z.infer<z.ZodObject<typeof deviceTerms>>>;
