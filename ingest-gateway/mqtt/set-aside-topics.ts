import type { AedesInternals, ReceivedPacket } from './aedes-internals.ts';

/** Passes all of aedes' checks; it is no device's. */
const STAND_IN = 'set-aside';

/** A packet whose own topic was set aside. */
interface SetAside {
  topic: string;
  sentTopic?: string;
}

/**
 * Lets our own hooks decide about topics, instead of aedes, which closes the connection for one that is empty, holds a
 * wildcard or has more than 100 levels. The device would come back and send the same again, for ever: MQTT lets a server
 * acknowledge and discard [MQTT-3.3.5-2]. So aedes sees the device's own topic or a stand-in. The filters of SUBSCRIBE
 * and UNSUBSCRIBE are stand-ins always: no subscription is granted, whatever it asks for.
 *
 * @param ownTopic the topic that needs no stand-in, once it is known who the client is
 */
export function setTopicsAside({ _parser }: AedesInternals, ownTopic: () => string | undefined): void {
  // Before aedes' own listener.
  _parser.prependListener('packet', (packet: ReceivedPacket & { sentTopic?: string }) => {
    switch (packet.cmd) {
      case 'publish':
        if (packet.topic === ownTopic()) return;
        packet.sentTopic = packet.topic ?? '';
        packet.topic = STAND_IN;
        return;
      case 'subscribe':
        // Different ones: aedes answers equal filters only once, and the client waits for one code for each.
        for (const [i, subscription] of packet.subscriptions?.entries() ?? [])
          subscription.topic = `${STAND_IN}/${i}`;
        return;
      case 'unsubscribe':
        packet.unsubscriptions?.fill(STAND_IN);
        return;
    }
  });
}

/** The topic as the client sent it. */
export function sentTopic(packet: SetAside): string {
  return packet.sentTopic ?? packet.topic;
}
