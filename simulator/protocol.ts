import type { IClientOptions, Packet } from 'mqtt';
import { answerToMessage } from '#contract/mqtt5-message-answers.ts';
import type { RejectReason } from '#contract/reject-reason.ts';

/** What a fleet speaks; `mixed`: every second device MQTT 5. */
export const FLEET_VERSIONS = ['3.1.1', '5', 'mixed'] as const;
export type FleetVersion = (typeof FLEET_VERSIONS)[number];
export type DeviceVersion = Exclude<FleetVersion, 'mixed'>;

export function versionOf(fleet: FleetVersion, device: number): DeviceVersion {
  if (fleet !== 'mixed') return fleet;
  return device % 2 === 0 ? '3.1.1' : '5';
}

/** How MQTT.js is told; with MQTT 5 topics are shortened, as firmware that pays for bytes does it. */
export function protocolOptions(version: DeviceVersion): Partial<IClientOptions> {
  return version === '5' ? { protocolVersion: 5, autoAssignTopicAlias: true } : { protocolVersion: 4 };
}

/**
 * The reason code of an acknowledgement; `undefined` when there is none: the message is not known to be anywhere.
 * MQTT.js hands a code from 0x80 over as an error, together with the packet.
 */
export function reasonCodeOf(
  error: Error | null | undefined,
  packet: Packet | undefined,
): number | undefined {
  if (error === null || error === undefined) return 0;
  const { code } = error as { readonly code?: unknown };
  return packet !== undefined && typeof code === 'number' ? code : undefined;
}

/** The reason code that a message should be answered with, by what is known to be wrong with its readings. */
export function expectedCode(readings: number, rejected: readonly RejectReason[]): number {
  return answerToMessage({ accepted: readings - rejected.length, rejected }).code;
}
