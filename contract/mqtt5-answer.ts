/** The packets in which the gateway answers an MQTT 5 client with a reason code. */
export type AnswerPacket = 'CONNACK' | 'PUBACK, PUBREC' | 'PUBCOMP' | 'SUBACK' | 'UNSUBACK' | 'DISCONNECT';

/** One row of what a client is told (MQTT 5, 2.4), and what a device is to make of it. */
export interface Mqtt5Answer {
  readonly packet: AnswerPacket;
  readonly code: number;
  /** The name that the standard gives the code. */
  readonly name: string;
  readonly when: string;
  readonly device: string;
}

/** What a device is to do, where it is the same for several answers. */
export const KEPT = 'do not send it again: it is kept as a dead letter, with its reason';
export const AGAIN = 'connect again, and send again what has no PUBACK or PUBREC';
export const MEND = 'a fault of the client: it will be refused again until it is mended';
