import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { IngestLevels } from '#ingest-gateway/ingest-metrics.ts';
import { createIngestTelemetry, type IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { AuditLog, type AuditLogOptions } from '#runtime/audit-log.ts';
import type { CurrentContract } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import type { DeviceTerms } from './device.ts';
import { DeviceClocks } from './device-clocks.ts';
import { DeviceRegistry } from './device-registry.ts';
import type { GatewayLog } from './gateway-log.ts';
import { InflightBudget } from './inflight-budget.ts';
import { type IntakeOptions, MessageIntake } from './message-intake.ts';

/** The intake of a process, with all that its doors share. */
export interface OpenIntake {
  readonly intake: MessageIntake;
  readonly devices: DeviceRegistry;
  readonly budget: InflightBudget;
  readonly clocks: DeviceClocks;
  readonly telemetry: IngestTelemetry;
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
  },
  doors: () => Pick<IngestLevels, 'connectedDevices' | 'pausedDevices' | 'fileProblems'>,
): OpenIntake {
  const { eventLog, contract, now, termsOf } = deps;
  const budget = new InflightBudget(limits.inflightMessages, limits.inflightBytes);
  const clocks = new DeviceClocks();
  const devices = new DeviceRegistry(limits, budget, now, termsOf);
  const audit = auditLog && new AuditLog(auditLog, now, (lost, why) => telemetry.auditLinesLost(lost, why));
  const telemetry: IngestTelemetry = createIngestTelemetry(
    deps,
    [...contract.schemas.keys()],
    () => ({
      ...doors(),
      inflightMessages: budget.messages,
      inflightBytes: budget.bytes,
      devicesOffClock: {
        ahead: clocks.count('ahead', performance.now()),
        behind: clocks.count('behind', performance.now()),
      },
    }),
    (turnedAway) => devices.countTurnedAway(turnedAway),
    audit,
  );
  const intake = new MessageIntake(options, { eventLog, contract, devices, telemetry, budget, clocks, now });
  return { intake, devices, budget, clocks, telemetry, audit };
}
