import { Ajv } from 'ajv';
import type { FastifyError, FastifyInstance } from 'fastify';
import type { ApiError } from '#console/api/session.ts';
import type { ConsoleTelemetry } from '#console/server/telemetry.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { whyNotOurs } from './same-origin.ts';

/** Why a question of the page cannot be answered. */
export class ApiFailure extends Error {
  override readonly name = 'ApiFailure';
  readonly statusCode: number;
  readonly code: string;

  constructor(statusCode: number, code: string, message: string) {
    super(message);
    this.statusCode = statusCode;
    this.code = code;
  }
}

export const NOTHING_HERE: ApiError = { error: { code: 'not-found', message: 'There is nothing here.' } };

/** What the types in `console/api/` say in full. */
export const OBJECT = { type: 'object', additionalProperties: true } as const;

/** A stream of server-sent events. */
export const EVENTS = { content: { 'text/event-stream': { schema: { type: 'string' } } } } as const;

/** How a route stands in the OpenAPI document. */
export function described(summary: string, answer: object, status = 200) {
  return { summary, response: { [status]: { description: summary, ...answer } } };
}

/** Bodies are taken as they are: a word that nobody knows is no condition that may be left out, and `null` is not `false`. */
const BODIES = new Ajv();
/** In paths and queries everything is text. */
const TEXTS = new Ajv({ coerceTypes: 'array', useDefaults: true });

/** The same body for all that goes wrong under `/api/v1`, and the rule who may change something. */
export function answerErrors(server: FastifyInstance, telemetry: ConsoleTelemetry): void {
  server.setValidatorCompiler(({ schema, httpPart }) =>
    (httpPart === 'body' ? BODIES : TEXTS).compile(schema),
  );
  server.addHook('onRequest', async (request) => {
    const why = whyNotOurs(request);
    if (why !== undefined) throw new ApiFailure(403, 'forbidden', `This request is refused: ${why}.`);
  });
  server.addHook('onSend', async (_request, reply) => {
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', 'no-store');
  });
  server.setErrorHandler((error: FastifyError, request, reply) => {
    const { status, code, message } = failureOf(error);
    if (status === 500) telemetry.requestFailed(request.routeOptions.url ?? '', describeError(error));
    return reply.code(status).send({ error: { code, message } } satisfies ApiError);
  });
  server.setNotFoundHandler((_request, reply) => reply.code(404).send(NOTHING_HERE));
}

function failureOf(error: FastifyError): {
  readonly status: number;
  readonly code: string;
  readonly message: string;
} {
  if (error instanceof ApiFailure)
    return { status: error.statusCode, code: error.code, message: error.message };
  if (error instanceof PipelineError) {
    const message = describeError(error);
    if (error.reason === 'locked') return { status: 409, code: 'locked', message };
    if (error.code === 'usage') return { status: 400, code: 'bad-request', message };
    if (error.retryable || error.code.endsWith('unavailable') || error.code === 'closed')
      return { status: 503, code: 'unavailable', message };
  }
  const { statusCode = 500 } = error;
  if (statusCode < 500) return { status: statusCode, code: 'bad-request', message: error.message };
  return { status: 500, code: 'internal', message: 'This is a fault of the console: its log says more.' };
}
