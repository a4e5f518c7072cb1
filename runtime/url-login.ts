import querystring from 'node:querystring';

/** An address parted from the login that may stand in it (`http://user:password@host`). */
export interface PartedAddress {
  /** May be shown, and asked. */
  readonly address: URL;
  /** The login as the value of `authorization`; `undefined` = there is none. */
  readonly authorization: string | undefined;
}

/** @throws TypeError where `URL` does */
export function withoutLogin(url: string): PartedAddress {
  const address = new URL(url);
  const login = [address.username, address.password].map((word) => querystring.unescape(word)).join(':');
  address.username = '';
  address.password = '';
  return {
    address,
    authorization: login === ':' ? undefined : `Basic ${Buffer.from(login).toString('base64')}`,
  };
}
