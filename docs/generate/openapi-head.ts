import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger';

/** What the document of the API says beside the routes. */
export const OPENAPI: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Console of the telemetry pipeline',
      version: '1',
      description:
        'What the console shows and does, for programs, too. Times are milliseconds since the epoch. The types in `console/api/` say what each answer holds. Errors are `{"error": {"code", "message"}}`. Requests that change something are POST (or DELETE) with `content-type: application/json`, and are refused from pages of other sites.',
    },
    security: [{ bearer: [] }, { session: [] }],
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'CONSOLE_PASSWORD or HTTP_TOKEN.' },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: 'telemetry-console',
          description: 'Of `POST /session`.',
        },
      },
    },
  },
};
