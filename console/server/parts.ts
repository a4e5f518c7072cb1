import type { TopicNames } from '#contract/log-record.ts';
import type { EventLog } from '#event-log/event-log.ts';
import type { DeviceStatus, DeviceStory } from '#ingest-gateway/intake/device.ts';
import type { Trouble } from '#ingest-gateway/intake/device-watch.ts';
import type { DeviceGlance } from '#ingest-gateway/intake/known-devices.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import type { TakeSamples } from './metric-samples.ts';

export type KnownDevice = DeviceStatus & Partial<Trouble>;
export type KnownStory = DeviceStory & Partial<Trouble>;

/** All devices at a glance, and each of them as a whole for who shows it. */
export interface DeviceList {
  readonly glances: readonly DeviceGlance[];
  /** As it is by now, where that is known; `undefined` = it is known no more. */
  readonly status: (id: string) => KnownDevice | undefined;
}

/** Who knows the devices: the gateway of this process, or those of others. */
export interface DeviceSource {
  list(): Promise<DeviceList>;
  /** `undefined` = nobody knows it. */
  story(id: string): Promise<KnownStory | undefined>;
}

/** What a console looks at. */
export interface ConsoleParts {
  readonly mode: 'standalone' | 'distributed';
  readonly takeSamples: TakeSamples;
  readonly devices: DeviceSource;
  readonly eventLog: EventLog;
  readonly store: TelemetryStore;
  readonly contract: CurrentContract;
  readonly topics: TopicNames;
  /** Of the telemetry-writer. */
  readonly group: string;
}
