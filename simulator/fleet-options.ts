import type { ReadingSchema } from '#contract/schema-registry.ts';
import type { Deps } from '#runtime/deps.ts';
import type { LedgerWriter } from './ledger.ts';
import type { MessageBounds } from './malformed-kinds.ts';
import type { Pace } from './pace.ts';
import type { FleetVersion } from './protocol.ts';

export interface FleetOptions {
  /** The gateways. Devices are spread over them and move on when theirs is away. */
  readonly urls: readonly [string, ...string[]];
  readonly devices: readonly DeviceIdentity[];
  /** Device `n` has type `n` modulo their number. */
  readonly schemas: readonly [ReadingSchema, ...ReadingSchema[]];
  /** Everything a device says and does wrong follows from it, 32 bits; only times come from the clock. */
  readonly seed: number;
  /** Readings in a message. */
  readonly batch: number;
  readonly qos: 0 | 1 | 2;
  /** Default: MQTT 3.1.1. */
  readonly mqttVersion?: FleetVersion | undefined;
  /** `undefined` = as fast as acknowledgements allow. */
  readonly pace?: Pace | undefined;
  /** Messages of each device; `undefined` = until `durationMs` is over, or until `stop()`. */
  readonly count?: number | undefined;
  readonly durationMs?: number | undefined;
  /** Shares, 0–1: of readings, of messages, of messages, of devices. */
  readonly malformed?: number;
  readonly late?: number;
  readonly duplicate?: number;
  readonly disconnect?: number;
  /** Of the gateway; default: those that nobody has set. */
  readonly limits?: MessageBounds | undefined;
  /**
   * The fleet gives up when there was no acknowledgement for so long although all that is left is a known number of
   * messages (`count`, or after `durationMs`). `undefined` = never.
   */
  readonly giveUpAfterMs?: number | undefined;
}

export interface DeviceIdentity {
  readonly id: string;
  readonly password?: string | undefined;
}

export interface FleetDeps extends Pick<Deps, 'log' | 'now' | 'random'> {
  readonly ledger?: LedgerWriter | undefined;
}
