import type { Fault } from '#contract/judge-reading.ts';

/** Whose readings a client may hand in, and on which topics besides its own. */
export type ForwardingRight =
  /** It proved who it is, and may speak for itself only (P9). */
  | { readonly kind: 'own' }
  /** It came without a password, and nobody's word is worth more than another's; or it is a broker that we asked. */
  | { readonly kind: 'any'; readonly maxDevices: number }
  /** A forwarder: a bridge, a gateway box. */
  | { readonly kind: 'topics'; readonly filters: readonly string[]; readonly maxDevices: number };

/**
 * For whom one client speaks: its right, and the devices that it has named so far. A Bluetooth gateway sees a new
 * random address every few minutes, so their number is bounded; readings of devices beyond it are dead letters.
 */
export class Forwarding {
  right: ForwardingRight = { kind: 'own' };
  /** From the first one on: most clients speak for themselves. */
  #devices: Set<string> | undefined;

  /** What is wrong with handing in a reading of that device; `undefined` = it may. */
  judge(client: string, device: string): Fault | undefined {
    if (device === client || this.#devices?.has(device)) return undefined;
    if (this.right.kind === 'own') {
      return refusal(
        `is of the device ${device}, and ${client} may speak for itself only (npm run devices -- add ${client} --forwards …)`,
      );
    }
    this.#devices ??= new Set();
    if (this.#devices.size >= this.right.maxDevices) {
      return refusal(
        `is of one device more than the ${this.right.maxDevices} that ${client} may forward (--max-devices; of a broker: MQTT_SOURCE_MAX_DEVICES)`,
      );
    }
    this.#devices.add(device);
    return undefined;
  }
}

function refusal(message: string): Fault {
  return { reason: 'mapping-failed', detail: { errors: [{ path: '', message }], forbidden: true } };
}
