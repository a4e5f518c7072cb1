import Fastify, { type FastifyInstance } from 'fastify';
import { Counter, type Registry } from 'prom-client';
import { LIMITS } from '#contract/limits.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { HttpConnections } from '#runtime/http-connections.ts';
import { HttpDoor, type HttpGuardOptions } from '#runtime/http-guard.ts';

/** How often connections are looked at that take too long. Milliseconds. */
const CHECK_CONNECTIONS_MS = 1_000;
/** Asked by supervisors, which have no secrets, and answered with nothing that is one. */
const TO_ALL = { config: { open: true } };

/** One thing a process depends on, as `/readyz` reports it. */
export interface ReadinessCheck {
  /** True when this part being down makes the process not ready; the others are only told. */
  readonly required: boolean;
  readonly up: boolean;
  /** For people. */
  readonly detail?: string;
}

export interface HttpServerOptions extends HttpGuardOptions {
  /** 0 = any free port. */
  readonly port: number;
  readonly metrics: Registry;
  /** Asked at each request. */
  readonly readiness: () =>
    | Promise<Readonly<Record<string, ReadinessCheck>>>
    | Readonly<Record<string, ReadinessCheck>>;
  /** Instead of those of `contract/limits.ts`. */
  readonly limits?: Partial<Record<'httpRequestMs' | 'httpIdleMs' | 'httpConnections', number>>;
  /** Adds the routes of this process. @param door who decides who may ask */
  readonly routes?: (server: FastifyInstance, door: HttpDoor) => void;
}

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/**
 * The HTTP surface that every process has: `/healthz` (alive: always 200), `/readyz` (200 or 503, with each
 * dependency in the body), `/metrics` (Prometheus text). Bounded in connections and in their time, and guarded
 * (`http-guard.ts`).
 *
 * @throws PipelineError `configuration` when the port is taken or the address is not ours.
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { httpRequestMs, httpIdleMs, httpConnections } = { ...LIMITS, ...options.limits };
  const { trustedProxies = [] } = options;
  const server = Fastify({
    logger: false,
    forceCloseConnections: true,
    requestTimeout: httpRequestMs,
    connectionTimeout: httpRequestMs,
    keepAliveTimeout: httpIdleMs,
    bodyLimit: 64 * 1024,
    trustProxy: trustedProxies.length === 0 ? false : [...trustedProxies],
    http: { headersTimeout: httpRequestMs, connectionsCheckingInterval: CHECK_CONNECTIONS_MS },
  });
  const refused = createHttpMetrics(options.metrics);
  new HttpConnections(server.server, httpConnections, () => refused.inc());
  const door = new HttpDoor(options);
  server.addHook('onRequest', (request, reply) => door.guard(request, reply));
  server.get('/healthz', TO_ALL, async () => ({ status: 'alive' }));
  server.get('/readyz', TO_ALL, async (_request, reply) => {
    const checks = await options.readiness();
    const ready = Object.values(checks).every((check) => check.up || !check.required);
    return reply.code(ready ? 200 : 503).send({ ready, checks });
  });
  server.get('/metrics', { config: { metrics: true } }, async (_request, reply) =>
    reply.type(options.metrics.contentType).send(await options.metrics.metrics()),
  );
  options.routes?.(server, door);
  try {
    await server.listen({ host: options.host, port: options.port });
  } catch (error) {
    await server.close();
    throw new PipelineError('configuration', `HTTP_HOST, HTTP_PORT: cannot listen: ${describeError(error)}`, {
      cause: error,
    });
  }
  const address = server.server.address();
  const port = typeof address === 'object' && address !== null ? address.port : options.port;
  return { port, [Symbol.asyncDispose]: () => server.close() };
}

export function createHttpMetrics(metrics: Registry): Counter {
  return new Counter({
    name: 'http_connections_refused_total',
    help: 'Connections to the HTTP port that were refused or ended, because too many were open',
    registers: [metrics],
  });
}
