import type { ContractInForce } from '#runtime/contract-in-force.ts';
import type { ReadinessCheck } from '#runtime/http-server.ts';
import type { CredentialStore } from './devices/credential-store.ts';
import type { DeviceClocks } from './intake/device-clocks.ts';
import type { GatewayLog } from './intake/gateway-log.ts';
import type { Sources } from './source/sources.ts';

/** What the readiness of a gateway depends on, or tells of. */
interface ReadinessParts {
  readonly isStopping: boolean;
  readonly connectedDevices: number;
  readonly fileProblems: Readonly<Record<string, string | undefined>>;
  readonly eventLog: GatewayLog;
  readonly clocks: DeviceClocks;
  readonly contract: Partial<Pick<ContractInForce, 'health'>>;
  readonly sources: Pick<Sources, 'health'> | undefined;
  readonly credentials: Pick<CredentialStore, 'waitingLogins'> | undefined;
}

/** What is down, and whether that matters. */
export type GatewayReadiness = Readonly<
  Record<'mqtt' | 'eventLog' | 'clock' | 'contract' | 'files', ReadinessCheck>
> & {
  readonly source?: ReadinessCheck;
  /** Where there is a file of credentials. */
  readonly logins?: ReadinessCheck;
};

export function readinessOf(parts: ReadinessParts): GatewayReadiness {
  const { isStopping, fileProblems, eventLog, contract, sources, credentials } = parts;
  return {
    mqtt: { required: true, up: !isStopping, detail: isStopping ? 'stopping' : 'listening' },
    eventLog: { required: true, ...eventLog.health() },
    ...(sources && { source: { required: false, ...sources.health() } }),
    clock: clockCheck(parts),
    contract: contract.health?.() ?? { required: false, up: true },
    files: filesCheck(fileProblems),
    ...(credentials && { logins: credentials.waitingLogins.health() }),
  };
}

/** What was read before is in force: told, not required. */
function filesCheck(problems: Readonly<Record<string, string | undefined>>): ReadinessCheck {
  const told = Object.values(problems).filter((problem) => problem !== undefined);
  return { required: false, up: told.length === 0, ...(told.length > 0 && { detail: told.join('; ') }) };
}

/** A clock that is wrong makes readings late or refused; it stops nothing: told, not required. */
function clockCheck({ eventLog, clocks, connectedDevices }: ReadinessParts): ReadinessCheck {
  const troubles = [
    eventLog.health().clockTrouble,
    clocks.ourTrouble(connectedDevices, performance.now()),
  ].filter((trouble) => trouble !== undefined);
  if (troubles.length === 0) return { required: false, up: true };
  return { required: false, up: false, detail: troubles.join('; ') };
}
