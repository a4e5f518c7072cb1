import { isDeviceId } from '#contract/device-topic.ts';

/** All that a client says it is. */
export interface Identity {
  readonly clientId: string;
  readonly username: string | undefined;
  /** Common name of a verified client certificate; `undefined` = the listener asks for none. */
  readonly certificateName: string | undefined;
}

/**
 * Client id = device id = user name, if one is given = common name, if there is a client certificate. So a client can
 * take over nobody's session (P9).
 */
export function isOneDevice({ clientId, username, certificateName }: Identity): boolean {
  return (
    isDeviceId(clientId) &&
    (username === undefined || username === clientId) &&
    (certificateName === undefined || certificateName === clientId)
  );
}
