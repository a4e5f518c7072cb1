import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { counted } from '#runtime/counted.ts';
import type { ReadinessCheck } from '#runtime/http-server.ts';
import type { PasswordChecks } from './password-checks.ts';

/** Who waits for longer is worth a word: usual clients do not. Milliseconds. */
const LONG_MS = 10_000;

/**
 * Tells operators of devices that wait for the slow hashes of their passwords: without a word minutes look like a fault.
 *
 * *Quiet* → *told*, from the first login that has to wait for long → quiet again, when nobody waits any more.
 */
export class WaitingLogins {
  readonly #checks: Pick<PasswordChecks, 'waiting' | 'waitMs'>;
  readonly #telemetry: IngestTelemetry;
  #told = false;

  constructor(checks: Pick<PasswordChecks, 'waiting' | 'waitMs'>, telemetry: IngestTelemetry) {
    this.#checks = checks;
    this.#telemetry = telemetry;
  }

  get count(): number {
    return this.#checks.waiting;
  }

  /** After each login that has come, or whose turn has. */
  look(): void {
    const { waiting, waitMs } = this.#checks;
    if (waitMs > LONG_MS) {
      this.#told = true;
      this.#telemetry.loginsWait(waiting, waitMs);
    } else if (this.#told && waiting === 0) {
      this.#told = false;
      this.#telemetry.loginsWaitNoMore();
    }
  }

  /** For the readiness body: never required, for whoever waits is let in. */
  health(): ReadinessCheck {
    const { waiting, waitMs } = this.#checks;
    if (waitMs <= LONG_MS) return { required: false, up: true };
    const detail = `${counted(waiting, 'login')} wait for slow hashes, the last for about ${Math.ceil(waitMs / 1000)} s (docs/devices.md)`;
    return { required: false, up: false, detail };
  }
}
