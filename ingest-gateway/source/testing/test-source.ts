import type { IPublishPacket } from 'mqtt-packet';
import { startTestGateway, type TestGateway } from '#ingest-gateway/testing/test-gateway.ts';
import type { SourceSettings } from '#runtime/settings.ts';

const NO_SOURCE_TLS = { caFile: undefined, certFile: undefined, keyFile: undefined };

function sourceSettings(
  url: string | readonly string[],
  changes: Partial<SourceSettings> = {},
): SourceSettings {
  return {
    urls: typeof url === 'string' ? [url] : url,
    topics: undefined,
    clientId: 'source-1',
    username: undefined,
    password: undefined,
    ...NO_SOURCE_TLS,
    version: '5',
    maxDevices: 1000,
    ...changes,
  };
}

/** A gateway that reads from a broker, in front of a log that the test controls. */
export function startTestSource(
  url: string | readonly string[],
  changes: Partial<SourceSettings> = {},
  ...[options, deps]: Parameters<typeof startTestGateway>
): Promise<TestGateway> {
  return startTestGateway({ ...options, source: sourceSettings(url, changes) }, deps);
}

export function handedOver(
  topic: string,
  payload: string | Buffer,
  messageId: number,
  changes: Partial<IPublishPacket> = {},
): IPublishPacket {
  return { cmd: 'publish', topic, payload, qos: 1, dup: false, retain: false, messageId, ...changes };
}
