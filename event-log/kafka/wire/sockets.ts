import type { ISocketFactory } from 'kafkajs';
import { insideKafkajs } from './kafkajs-internals.ts';

const createSocketFactory = insideKafkajs<() => ISocketFactory>('network/socketFactory.js');

/**
 * Sockets as kafkajs makes them, but for one thing. It disconnects what is disconnected already, each time with `unref`,
 * and of a socket that has no connection Node remembers each call until it gets one: one that is gone, for ever.
 */
export function createSockets(): ISocketFactory {
  const create = createSocketFactory();
  return (args) => {
    const socket = create(args);
    socket.once('close', () => {
      socket.unref = () => socket;
    });
    return socket;
  };
}
