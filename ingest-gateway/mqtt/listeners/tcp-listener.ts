import { type Arrival, type Listener, type ListenerOptions, type ListenerParts, listen } from './listener.ts';

/** @throws PipelineError `configuration` when the port is taken or the address is not ours. */
export function listenOnTcp(
  options: ListenerOptions,
  parts: ListenerParts,
  accept: (arrival: Arrival) => void,
): Promise<Listener> {
  return listen('tcp', options, parts, (guests) => (socket) => {
    const address = guests.addressOf(socket);
    accept({ stream: socket, certificate: undefined, address, ...guests.of(socket) });
  });
}
