import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { InflightBudget } from '#ingest-gateway/intake/inflight-budget.ts';
import type { MessageIntake } from '#ingest-gateway/intake/message-intake.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import type { Backoff } from '#runtime/retry.ts';
import type { SourceSettings } from '#runtime/settings.ts';
import { BrokerSource } from './broker-source.ts';
import { defaultSubscriptions } from './subscriptions.ts';
import { createSourceTelemetry, type SourceLevels } from './telemetry.ts';

export interface SourcesOptions {
  readonly settings: SourceSettings;
  readonly limits: GatewayLimits;
  readonly ackDeadlineMs: number;
  /** Between attempts to connect; tests need shorter ones. */
  readonly backoff?: Backoff | undefined;
}

export interface SourcesParts extends Deps {
  readonly contract: CurrentContract;
  readonly intake: MessageIntake;
  readonly budget: InflightBudget;
  readonly isLogUp: () => boolean;
}

/** All brokers that are read from; each by itself, into the same intake. */
export interface Sources {
  /** Up when all are; the detail names each. */
  health(): { readonly up: boolean; readonly detail: string };
  /** Brokers that are not read from, because a bound is reached. */
  paused(): number;
  /** Loses no acknowledgement that was earned; at most `shutdownAppendsMs` + `shutdownLingerMs`. */
  stop(): Promise<void>;
}

/** Begins to read from the brokers, whether or not they are there. */
export function startSources(options: SourcesOptions, parts: SourcesParts): Sources {
  const { settings } = options;
  const { contract } = parts;
  const levels = (): readonly SourceLevels[] => sources.map((source) => source.levels());
  const telemetryOf = createSourceTelemetry(parts, levels);
  const filters = (): readonly string[] => settings.topics ?? defaultSubscriptions(contract.mappings.rules);
  const sources = settings.urls.map((url) => {
    const telemetry = telemetryOf(new URL(url).host, settings.clientId);
    return new BrokerSource({ ...options, url }, { ...parts, telemetry, filters });
  });
  return {
    health() {
      const all = sources.map((source) => source.health());
      return { up: all.every(({ up }) => up), detail: all.map(({ detail }) => detail).join('; ') };
    },
    paused: () => levels().filter(({ paused }) => paused).length,
    async stop() {
      await Promise.all(sources.map((source) => source.stop()));
    },
  };
}
