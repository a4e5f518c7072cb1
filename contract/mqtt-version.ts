/** The versions of MQTT that devices may speak; the values of the metric label `version`. */
export const MQTT_VERSIONS = ['3.1', '3.1.1', '5'] as const;

export type MqttVersion = (typeof MQTT_VERSIONS)[number];
