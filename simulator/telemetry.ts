import type { Deps } from '#runtime/deps.ts';

/** The events of a fleet that somebody running it should see. It has no metrics: the gateway counts its devices. */
export interface SimulatorTelemetry {
  gatewayAway(url: string, problem: string): void;
  fleetEnded(outcome: string, sent: number, acked: number): void;
}

const AT_MOST_EVERY_MS = 10_000;

export function createSimulatorTelemetry(deps: Pick<Deps, 'log' | 'now'>): SimulatorTelemetry {
  let quietUntil = 0;
  return {
    // All devices of a fleet lose their gateway at once: one line speaks for them.
    gatewayAway(url, problem) {
      if (deps.now() < quietUntil) return;
      quietUntil = deps.now() + AT_MOST_EVERY_MS;
      deps.log.warn({ gateway: url, problem }, 'simulated devices cannot reach their gateway, trying again');
    },
    fleetEnded(outcome, sent, acked) {
      deps.log.info({ outcome, sent, acked }, 'simulated devices ended');
    },
  };
}
