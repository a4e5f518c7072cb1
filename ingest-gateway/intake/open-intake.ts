import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { IngestLevels } from '#ingest-gateway/ingest-metrics.ts';
import { createIngestTelemetry, type IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { AuditLog, type AuditLogOptions } from '#runtime/audit-log.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import type { DeviceTerms } from './device.ts';
import { DeviceClocks } from './device-clocks.ts';
import { DeviceRegistry } from './device-registry.ts';
import { DeviceWatch } from './device-watch.ts';
import type { GatewayLog } from './gateway-log.ts';
import { InflightBudget } from './inflight-budget.ts';
import { type IntakeOptions, MessageIntake } from './message-intake.ts';

const DEVICE_LOOK_MS = 60_000;

/** The intake of a process, with all that its doors share. */
export interface OpenIntake {
  readonly intake: MessageIntake;
  readonly devices: DeviceRegistry;
  readonly budget: InflightBudget;
  readonly clocks: DeviceClocks;
  readonly telemetry: IngestTelemetry;
  readonly watch: DeviceWatch;
  /** Looks after single devices from now on, until it is disposed. @param everyMs default: a minute */
  readonly watchDevices: (everyMs?: number) => Disposable;
  /** To be closed when nothing comes in any more. */
  readonly audit: AuditLog | undefined;
}

/** @param doors levels that only the doors know. */
export function openIntake(
  {
    limits,
    auditLog,
    ...options
  }: IntakeOptions & { readonly limits: GatewayLimits; readonly auditLog: AuditLogOptions | undefined },
  deps: Deps & {
    readonly eventLog: GatewayLog;
    readonly contract: CurrentContract;
    /** What the operator says of a device. */
    readonly termsOf?: (id: string) => DeviceTerms;
    /** Ids that the operator expects. */
    readonly expected?: () => Iterable<string>;
    readonly isKeptOut?: (id: string) => boolean;
  },
  doors: () => Pick<
    IngestLevels,
    'connectedDevices' | 'pausedDevices' | 'unreadBytes' | 'waitingLogins' | 'fileProblems'
  >,
): OpenIntake {
  const { eventLog, contract, now, termsOf, expected = () => [], isKeptOut = () => false } = deps;
  const budget = new InflightBudget(limits.inflightMessages, limits.inflightBytes);
  const clocks = new DeviceClocks();
  const devices = new DeviceRegistry(limits, budget, now, termsOf);
  const watch = new DeviceWatch({
    isKeptOut,
    silentAfterMs: (id) => {
      const seconds = termsOf?.(id).silentAfterSeconds ?? limits.deviceSilentSeconds;
      return seconds === 0 ? Infinity : seconds * 1000;
    },
  });
  const audit = auditLog && new AuditLog(auditLog, now, (lost, why) => telemetry.auditLinesLost(lost, why));
  const telemetry: IngestTelemetry = createIngestTelemetry(
    deps,
    [...contract.schemas.keys()],
    () => ({
      ...doors(),
      inflightMessages: budget.messages,
      inflightBytes: budget.bytes,
      watched: watch.now,
      devicesOffClock: {
        ahead: clocks.count('ahead', performance.now()),
        behind: clocks.count('behind', performance.now()),
      },
    }),
    (turnedAway) => devices.countTurnedAway(turnedAway),
    audit,
  );
  const intake = new MessageIntake(options, { eventLog, contract, devices, telemetry, budget, clocks, now });
  const look = (): void =>
    telemetry.devicesInTrouble(
      watch.look(devices, new Set(expected()), { monotonic: performance.now(), wall: now() }),
    );
  const watchDevices = (everyMs = DEVICE_LOOK_MS): Disposable => {
    look();
    const looks = setInterval(look, everyMs).unref();
    return { [Symbol.dispose]: () => clearInterval(looks) };
  };
  return { intake, devices, budget, clocks, telemetry, watch, watchDevices, audit };
}
