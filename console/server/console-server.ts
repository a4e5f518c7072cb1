import helmet from '@fastify/helmet';
import type { FastifyInstance } from 'fastify';
import type { AuditTrail } from '#runtime/audit-log.ts';
import type { Deps } from '#runtime/deps.ts';
import type { HttpDoor } from '#runtime/http-guard.ts';
import type { Settings } from '#runtime/settings.ts';
import { sessionRoutes } from './access/session-routes.ts';
import { Sessions } from './access/sessions.ts';
import { answerErrors } from './answers/api-answers.ts';
import { documentRoute } from './answers/document-route.ts';
import { DeviceDirectory } from './devices/device-directory.ts';
import { deviceRoutes } from './devices/device-routes.ts';
import { SchemaSenders } from './devices/schema-senders.ts';
import { pageRoutes } from './files/page-routes.ts';
import { flowRoutes } from './flow/flow-routes.ts';
import { FlowWatch } from './flow/flow-watch.ts';
import { changeRoutes } from './letters/change-routes.ts';
import { Jobs } from './letters/jobs.ts';
import { LetterIndex } from './letters/letter-index.ts';
import { letterRoutes } from './letters/letter-routes.ts';
import type { ConsoleParts } from './parts.ts';
import { schemaRoutes } from './schemas/schema-routes.ts';
import { createConsoleTelemetry } from './telemetry.ts';
import { traceRoutes } from './trace/trace-routes.ts';

/** Nothing but what we serve: no script in the page itself, nothing of other hosts, nobody's frame. */
const POLICY = {
  useDefaults: false,
  directives: {
    'default-src': ["'none'"],
    'script-src': ["'self'"],
    'style-src': ["'self'"],
    'img-src': ["'self'", 'data:'],
    'connect-src': ["'self'"],
    'form-action': ["'self'"],
    'base-uri': ["'none'"],
    'frame-ancestors': ["'none'"],
  },
};

/** A whole console; to be closed before log and store. */
export interface Console extends AsyncDisposable {
  /** For `startHttpServer({ …, routes })`. */
  readonly routes: (server: FastifyInstance, door: HttpDoor) => void;
}

/**
 * The console of a process: its page, its API under `/api/v1`, and what stands behind: one watch over the flow for all who
 * look, one list of devices that is made anew at most every few seconds, jobs. It adds no operation of its own; each is the
 * function that a command calls.
 */
export function startConsole(
  settings: Pick<Settings, 'limits'>,
  parts: ConsoleParts,
  deps: Deps,
  audit: AuditTrail | undefined,
): Console {
  const { now } = deps;
  const telemetry = createConsoleTelemetry(deps, audit);
  const directory = new DeviceDirectory(parts.devices, now);
  const { inflightMessages: maxMessages, inflightBytes: maxBytes } = settings.limits;
  const watch = new FlowWatch({
    take: parts.takeSamples,
    surroundings: { mode: parts.mode, maxMessages, maxBytes },
    telemetry,
    now,
  });
  const letters = new LetterIndex(parts.eventLog, parts.topics);
  const jobs = new Jobs(now);
  const senders = new SchemaSenders();
  const sessions = new Sessions(now);
  return {
    routes: (server, door) => {
      door.isLoggedIn = (request) => sessions.has(request);
      door.onWrongWord = (address) => telemetry.loginRefused(address);
      void server.register(helmet, {
        contentSecurityPolicy: POLICY,
        // TLS is what stands in front of us.
        strictTransportSecurity: false,
        frameguard: { action: 'deny' },
      });
      void server.register(
        async (api) => {
          answerErrors(api, telemetry);
          await api.register(sessionRoutes(door, sessions, telemetry));
          await api.register(flowRoutes(watch));
          await api.register(deviceRoutes(directory, parts, senders, now));
          await api.register(letterRoutes(letters, parts, now));
          await api.register(changeRoutes(jobs, letters, { ...parts, now }, telemetry));
          await api.register(traceRoutes(parts));
          await api.register(schemaRoutes(parts, watch, letters, senders, now));
          documentRoute(api);
        },
        { prefix: '/api/v1' },
      );
      pageRoutes(door)(server);
    },
    async [Symbol.asyncDispose]() {
      letters[Symbol.dispose]();
      await Promise.all([watch[Symbol.asyncDispose](), jobs[Symbol.asyncDispose]()]);
    },
  };
}
