import type { GatewayLimits } from '#ingest-gateway/gateway-limits.ts';
import type { Settings } from '#runtime/settings.ts';
import type { Arrival, Listener, ListenerParts } from './listener.ts';
import { listenOnTcp } from './tcp-listener.ts';
import { TlsInForce } from './tls-in-force.ts';
import { listenOnTls } from './tls-listener.ts';
import { listenOnWebSocket } from './web-socket-listener.ts';

export interface Listeners extends Disposable {
  /** The files of certificates; `undefined` = no listener has TLS. */
  readonly tls: Pick<TlsInForce, 'readAgain' | 'problem'> | undefined;
  /** Listened on; `undefined` = not. They differ from the settings when those say 0. */
  readonly ports: Readonly<Record<'tcp' | 'tls' | 'webSocket' | 'secureWebSocket', number | undefined>>;
}

/**
 * Opens every way in that the settings name.
 *
 * @param onUntrusted the TLS files changed: called with what says whether a connection that came in before may stay.
 * @throws PipelineError `configuration`: a port or a TLS file cannot be used; nothing stays open then.
 */
export async function openListeners(
  mqtt: Settings['mqtt'],
  { limits, filePollMs }: { readonly limits: GatewayLimits; readonly filePollMs: number | undefined },
  parts: ListenerParts,
  accept: (arrival: Arrival) => void,
  onTlsChanged: (isTrusted: TlsInForce['isTrusted']) => void,
): Promise<Listeners> {
  using resources = new DisposableStack();
  const opened = async (port: number | undefined, open: (port: number) => Promise<Listener>) => {
    if (port === undefined) return undefined;
    const listener = await open(port);
    resources.defer(() => listener.close());
    return listener.port;
  };
  const at = (port: number) => ({
    host: mqtt.host,
    port,
    limits,
    proxyProtocol: mqtt.proxyProtocol ?? false,
  });
  const origins = mqtt.webSocketOrigins ?? [];
  const { tls } = mqtt;
  const inForce =
    tls &&
    resources.use(
      new TlsInForce(tls, parts.telemetry, {
        pollMs: filePollMs,
        onChanged: () => onTlsChanged((certificate) => inForce?.isTrusted(certificate) ?? false),
      }),
    );
  const ports = {
    tcp: await opened(mqtt.port, (port) => listenOnTcp(at(port), parts, accept)),
    tls: await opened(inForce && tls?.port, (port) =>
      listenOnTls(at(port), inForce as TlsInForce, parts, accept),
    ),
    webSocket: await opened(mqtt.webSocketPort, (port) =>
      listenOnWebSocket({ ...at(port), origins, tls: undefined }, parts, accept),
    ),
    secureWebSocket: await opened(inForce && tls?.webSocketPort, (port) =>
      listenOnWebSocket({ ...at(port), origins, tls: inForce }, parts, accept),
    ),
  };
  const owned = resources.move();
  return { ports, tls: inForce, [Symbol.dispose]: () => owned.dispose() };
}
