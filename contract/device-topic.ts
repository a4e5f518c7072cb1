import { LIMITS } from '#contract/limits.ts';

const DEVICE_ID = new RegExp(`^(?!\\.{1,2}$)[A-Za-z0-9._:-]{1,${LIMITS.deviceIdLength}}$`);
const TOPIC = /^devices\/([^/]+)\/telemetry$/;

/**
 * 1–64 of `A-Z a-z 0-9 . _ : -`, not `.` or `..`: safe in an MQTT topic, a Kafka key, an InfluxDB tag, a URL path (where
 * the two dots mean other things) and a log line.
 */
export function isDeviceId(text: string): boolean {
  return DEVICE_ID.test(text);
}

/** The one MQTT topic a device may publish to. */
export function telemetryTopic(deviceId: string): string {
  return `devices/${deviceId}/telemetry`;
}

/** The device a topic belongs to, or `undefined` when it is not a telemetry topic of a valid device id. */
export function deviceIdOfTopic(topic: string): string | undefined {
  const deviceId = TOPIC.exec(topic)?.[1];
  return deviceId !== undefined && isDeviceId(deviceId) ? deviceId : undefined;
}
