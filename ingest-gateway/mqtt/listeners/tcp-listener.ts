import { createServer } from 'node:net';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { type Arrival, type Listener, type ListenerOptions, listen, prepareSocket } from './listener.ts';
import { sourceOf } from './source-of.ts';

/** @throws PipelineError `configuration` when the port is taken or the address is not ours. */
export async function listenOnTcp(
  options: ListenerOptions,
  accept: (arrival: Arrival) => void,
  telemetry: IngestTelemetry,
): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    prepareSocket(socket);
    accept({ stream: socket, certificateName: undefined, address: sourceOf(socket.remoteAddress) });
  });
  return listen(server, 'MQTT_PORT', options, telemetry);
}
