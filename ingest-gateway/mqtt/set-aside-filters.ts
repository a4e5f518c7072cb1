import type { AedesInternals, ReceivedPacket } from './aedes-internals.ts';

/** Passes all of aedes' checks; nobody can subscribe to it. */
const STAND_IN = 'set-aside';

/**
 * Lets aedes answer SUBSCRIBE and UNSUBSCRIBE whatever their filters are. It closes the connection for one that is empty, holds a
 * wildcard in the wrong place or has more than 100 levels, and the device would come back and send the same again, for ever. No
 * subscription is granted, whatever it asks for, so aedes sees stand-ins.
 */
export function setFiltersAside({ _parser }: AedesInternals): void {
  // Before aedes' own listener.
  _parser.prependListener('packet', (packet: ReceivedPacket) => {
    if (packet.cmd === 'subscribe') {
      // Different ones: aedes answers equal filters only once, and the client waits for one code for each.
      for (const [i, subscription] of packet.subscriptions?.entries() ?? [])
        subscription.topic = `${STAND_IN}/${i}`;
    } else if (packet.cmd === 'unsubscribe') packet.unsubscriptions?.fill(STAND_IN);
  });
}
