/** A message on a topic that is not our own. */
export interface ForeignMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  /** MQTT client id, or the name of the credential, of who published it. */
  readonly client: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Whether the retain flag was set: the broker sends an old value, not a new one. */
  readonly retained: boolean;
}
