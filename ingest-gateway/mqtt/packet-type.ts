/** The upper four bits of a packet's first byte (MQTT 3.1.1, 2.2.1; the same in MQTT 5). */
export const PUBLISH = 3;
export const DISCONNECT = 14;
