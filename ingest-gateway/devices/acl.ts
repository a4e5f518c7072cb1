import { isDeviceId, telemetryTopic } from '#contract/device-topic.ts';
import { matchesFilter } from '#contract/topic-filter.ts';

/** All that a client says it is. */
export interface Identity {
  readonly clientId: string;
  readonly username: string | undefined;
  /** Common name of a verified client certificate; `undefined` = the listener asks for none. */
  readonly certificateName: string | undefined;
}

/** What a client wants to do. Whether it proved to be who it says it is has been seen to before (`authenticate`). */
export interface AccessRequest extends Identity {
  readonly action: 'publish' | 'subscribe';
  /** A topic name for `publish`, a topic filter for `subscribe`. */
  readonly topic: string;
  /** Topic filters of its credential: what it may publish to for others, as a bridge or a gateway box does. */
  readonly forwards: readonly string[];
}

/** `own`: the device's telemetry. `forwarded`: somebody else's, which the credential allows. */
export type Access = 'own' | 'forwarded' | 'denied';

/**
 * Who may do what (P9), denied by default: a client that is one device publishes to that device's topic, and to those
 * that its credential names. Nobody subscribes: there is nothing to receive here.
 */
export function judgeAccess(request: AccessRequest): Access {
  const { clientId, action, topic, forwards } = request;
  if (action !== 'publish' || !isOneDevice(request)) return 'denied';
  if (topic === telemetryTopic(clientId)) return 'own';
  return forwards.some((filter) => matchesFilter(filter, topic)) ? 'forwarded' : 'denied';
}

/**
 * Client id = device id = user name, if one is given = common name, if there is a client certificate. So a client can
 * take over nobody's session.
 */
export function isOneDevice({ clientId, username, certificateName }: Identity): boolean {
  return (
    isDeviceId(clientId) &&
    (username === undefined || username === clientId) &&
    (certificateName === undefined || certificateName === clientId)
  );
}
