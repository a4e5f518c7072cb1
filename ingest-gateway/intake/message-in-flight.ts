import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError, hasCode, PipelineError } from '#runtime/errors.ts';
import type {
  AcknowledgementQueue,
  MessageOutcome,
  PendingAcknowledgement,
  Sender,
} from './acknowledgement-queue.ts';
import type { Device } from './device.ts';
import type { GatewayLog } from './gateway-log.ts';
import type { InflightBudget } from './inflight-budget.ts';
import type { MessageRecords } from './outgoing.ts';
import type { RecordInFlight, RecordOwner } from './record-in-flight.ts';
import { appendRefused } from './refused-record.ts';

/** What messages in flight have in common. */
export interface InFlightParts {
  readonly eventLog: GatewayLog;
  readonly deadLetterTopic: string;
  readonly telemetry: IngestTelemetry;
  /** Of the whole gateway. */
  readonly budget: InflightBudget;
}

/** A message as it is answered. */
export interface AnsweredMessage {
  readonly device: Device;
  readonly sender: Sender;
  readonly acknowledgements: AcknowledgementQueue;
  readonly qos: 0 | 1 | 2;
  /** 0 with QoS 0. */
  readonly messageId: number;
  /** How long it may wait for the log, milliseconds. */
  readonly ackDeadlineMs: number;
}

/** Memory of a record in flight besides its value: it, its message, and what the log keeps of it. Measured 1.2 kB, and garbage. */
const RECORD_OVERHEAD_BYTES = 2 * 1024;

/**
 * A message from its arrival until it is answered. It waits for its records, and then, as an entry of the connection's
 * `AcknowledgementQueue`, for the messages before it. Thousands wait at any time, so it is one object, with one for each
 * record, and holds neither packet nor payload nor readings: memory is what the budgets count.
 */
export class MessageInFlight implements PendingAcknowledgement, RecordOwner {
  outcome: 'pending' | MessageOutcome = 'pending';
  next: PendingAcknowledgement | undefined;
  readonly #parts: InFlightParts;
  readonly #device: Device;
  readonly #sender: Sender;
  readonly #acknowledgements: AcknowledgementQueue;
  readonly #qos: 0 | 1 | 2;
  readonly #messageId: number;
  readonly #verdict: MessageRecords['verdict'];
  /** On the clock of `performance.now()`; so is the next. */
  readonly #arrivedAt: number;
  readonly #deadlineAt: number;
  #bytes = 0;
  #outstanding = 0;
  #failure: PipelineError | undefined;

  constructor(
    parts: InFlightParts,
    message: AnsweredMessage,
    arrivedAt: number,
    verdict: MessageRecords['verdict'],
  ) {
    this.#parts = parts;
    this.#device = message.device;
    this.#sender = message.sender;
    this.#acknowledgements = message.acknowledgements;
    this.#qos = message.qos;
    this.#messageId = message.messageId;
    this.#verdict = verdict;
    this.#arrivedAt = arrivedAt;
    this.#deadlineAt = arrivedAt + message.ackDeadlineMs;
  }

  /** Takes its place in the order of answers, and hands its records to the log. Once. */
  start(outgoing: MessageRecords['outgoing']): void {
    const { eventLog, telemetry, budget } = this.#parts;
    if (this.#qos !== 0) this.#acknowledgements.push(this);
    if (outgoing.length === 0) {
      // Ignored: nothing has to become durable for it.
      if (this.#qos !== 0) this.#acknowledgements.settle(this, 'accepted');
      return;
    }
    for (const { record } of outgoing) this.#bytes += RECORD_OVERHEAD_BYTES + (record.value?.length ?? 0);
    this.#outstanding = outgoing.length;
    this.#device.budget.take(this.#bytes);
    budget.take(this.#bytes);
    for (const { record, inFlight } of outgoing) {
      telemetry.appendStarted(inFlight.readings);
      inFlight.append(record, eventLog, this.#deadlineAt, this);
    }
  }

  /** It is for nobody: takes its place in the order of answers, and is done. Instead of `start`. */
  discard(): void {
    this.#acknowledgements.push(this);
    this.#acknowledgements.settle(this, 'discarded');
  }

  recordSettled(): void {
    if (--this.#outstanding === 0) this.#settle();
  }

  recordFailed(record: RecordInFlight, error: PipelineError): void {
    if (hasCode(error, 'refused')) {
      this.#appendLetter(record, error);
      return;
    }
    this.#failure ??= error;
    this.recordSettled();
  }

  answer(outcome: MessageOutcome): void {
    this.#sender.answer(this.#qos, this.#messageId, outcome, this.#verdict);
  }

  /** What the log will never take is kept as a dead letter, and that is what the message waits for then. */
  #appendLetter(record: RecordInFlight, error: PipelineError): void {
    const { eventLog, deadLetterTopic, telemetry } = this.#parts;
    const { readings } = record;
    const letter = record.letterWithoutPayload();
    appendRefused(eventLog, deadLetterTopic, letter, readings, error, this.#deadlineAt).then(
      () => {
        this.#device.countRefused(letter.reason, readings);
        telemetry.deadLettered(letter.reason, readings);
        this.recordSettled();
      },
      (failure: unknown) => {
        this.#failure ??= asPipelineError(failure);
        this.recordSettled();
      },
    );
  }

  #settle(): void {
    const { telemetry, budget } = this.#parts;
    const failure = this.#failure;
    this.#device.budget.release(this.#bytes);
    budget.release(this.#bytes);
    if (failure !== undefined) telemetry.appendFailed(this.#device.id, failure);
    if (this.#qos !== 0) {
      if (failure === undefined) telemetry.acknowledged((performance.now() - this.#arrivedAt) / 1000);
      this.#acknowledgements.settle(this, failure ?? 'accepted');
    } else if (failure !== undefined) {
      telemetry.dropped(failure.code === 'closed' ? 'log-closed' : 'not-durable');
    }
  }
}

function asPipelineError(error: unknown): PipelineError {
  if (error instanceof PipelineError) return error;
  return new PipelineError('not-durable', `appending failed: ${describeError(error)}`, { cause: error });
}
