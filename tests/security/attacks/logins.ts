import { setTimeout as sleep } from 'node:timers/promises';
import type { Attack } from '#tests/security/attack.ts';
import { CHOSEN_DEVICES, logIn, MADE_DEVICE } from '#tests/security/logins.ts';

const TRIES_A_SECOND = 60;
const ADDRESSES = 40;

/** Wrong passwords, 60 a second, as the number of the try says for whom and from where. */
function guesses(
  name: string,
  what: string,
  seenIn: string,
  of: (tried: number) => { readonly clientId: string; readonly localAddress: string },
): Attack {
  return {
    name,
    what: `${TRIES_A_SECOND} wrong passwords a second ${what}`,
    seenIn,
    besideLogins: true,
    async run({ mqttPort: port }, signal) {
      const startedAt = performance.now();
      const tries: Promise<boolean>[] = [];
      while (!signal.aborted) {
        const due = ((performance.now() - startedAt) / 1000) * TRIES_A_SECOND;
        while (tries.length < due)
          tries.push(logIn({ port, password: `guess ${tries.length}`, ...of(tries.length) }));
        await sleep(10);
      }
      await Promise.all(tries);
    },
  };
}

/** Known ones with each kind of password, and unknown ones. The second half of the chosen ones logs in meanwhile. */
const manyIds = (tried: number): string =>
  [`chosen-${tried % (CHOSEN_DEVICES / 2)}`, MADE_DEVICE, `unknown-${tried}`][tried % 3] as string;
const manyAddresses = (tried: number): string => `127.0.1.${1 + (tried % ADDRESSES)}`;
const ONE_ID = 'chosen-0';
const ONE_ADDRESS = '127.0.0.2';
const WRONG = 'ingest_refused_total{reason="bad-credentials"}';
const THROTTLED = 'ingest_refused_total{reason="login-throttled"}';

export const LOGIN_ATTACKS: readonly Attack[] = [
  guesses('logins-one-id', 'for one device, from one address', THROTTLED, () => ({
    clientId: ONE_ID,
    localAddress: ONE_ADDRESS,
  })),
  guesses(
    'logins-one-id-many-addresses',
    `for one device, from ${ADDRESSES} addresses`,
    THROTTLED,
    (tried) => ({
      clientId: ONE_ID,
      localAddress: manyAddresses(tried),
    }),
  ),
  // What turns the address away, its failures or its logins, depends on how fast they are judged.
  guesses('logins-many-ids', 'for many devices, known and unknown, from one address', WRONG, (tried) => ({
    clientId: manyIds(tried),
    localAddress: ONE_ADDRESS,
  })),
  guesses(
    'logins-many-ids-many-addresses',
    `for many devices, known and unknown, from ${ADDRESSES} addresses`,
    WRONG,
    (tried) => ({ clientId: manyIds(tried), localAddress: manyAddresses(tried) }),
  ),
];
