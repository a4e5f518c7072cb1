import { createServer } from 'node:net';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { type Arrival, type Listener, type ListenerOptions, listen, prepareSocket } from './listener.ts';

/** @throws PipelineError `configuration` when the port is taken or the address is not ours. */
export function listenOnTcp(
  options: ListenerOptions,
  accept: (arrival: Arrival) => void,
  telemetry: IngestTelemetry,
): Promise<Listener> {
  return listen('tcp', options, telemetry, (addressOf) =>
    createServer({ allowHalfOpen: true }, (socket) => {
      prepareSocket(socket);
      accept({ stream: socket, certificate: undefined, address: addressOf(socket) });
    }),
  );
}
