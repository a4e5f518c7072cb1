import type { FastifyInstance } from 'fastify';
import type { Judgement, MappingList, SchemaList, SchemaStory } from '#console/api/schemas.ts';
import { ApiFailure, described, OBJECT } from '#console/server/answers/api-answers.ts';
import type { SchemaSenders } from '#console/server/devices/schema-senders.ts';
import type { FlowWatch } from '#console/server/flow/flow-watch.ts';
import type { LetterIndex } from '#console/server/letters/letter-index.ts';
import type { ConsoleParts } from '#console/server/parts.ts';
import type { MappingRule } from '#contract/mapping/compile-rule.ts';
import type { ReadingSchema } from '#contract/schema-registry.ts';
import { examplePayload } from './example-payload.ts';
import { judgementOf, type TriedMessage } from './judgements.ts';

const MAX_DEVICES = 100;
const tried = {
  type: 'object',
  required: ['topic', 'payload'],
  additionalProperties: false,
  properties: {
    topic: { type: 'string', minLength: 1, maxLength: 1_024 },
    payload: { type: 'string', maxLength: 256 * 1024 },
    client: { type: 'string', maxLength: 256 },
  },
} as const;
const oneSchema = {
  type: 'object',
  properties: { type: { type: 'string', maxLength: 64 }, version: { type: 'string', maxLength: 6 } },
} as const;
/** A payload as large as the gateway takes, as JSON text in which each character may be an escape. */
const BODY_BYTES = 1024 * 1024;

/** `/schemas` and `/mappings`, and what would become of a message. */
export function schemaRoutes(
  { contract }: Pick<ConsoleParts, 'contract'>,
  watch: FlowWatch,
  index: LetterIndex,
  senders: SchemaSenders,
  now: () => number,
): (server: FastifyInstance) => Promise<void> {
  return async (server) => {
    server.get(
      '/schemas',
      { schema: described('Schemas in force.', OBJECT) },
      async (): Promise<SchemaList> => ({
        schemas: [...contract.schemas.values()]
          .sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }))
          .map((schema) => ({
            name: schema.name,
            title: text(schema.content['title']),
            description: text(schema.content['description']),
            fields: schema.fields.size,
            appended: watch.appended(schema.name) ?? null,
          })),
      }),
    );
    server.get<{ Params: { type: string; version: string } }>(
      '/schemas/:type/:version',
      {
        schema: {
          ...described('One schema: its fields, who sends it, an example.', OBJECT),
          params: oneSchema,
        },
      },
      async ({ params: { type, version } }): Promise<SchemaStory> => {
        const schema = contract.schemas.get(`${type}/${version}`);
        if (schema === undefined) throw new ApiFailure(404, 'not-found', 'There is no such schema in force.');
        const { letters } = await index.look().catch(() => ({ letters: [] }));
        const ofLetters = letters
          .filter((entry) => entry.schema === schema.name)
          .map(({ letter }) => letter.deviceId);
        const devices = [...new Set([...senders.of(schema.name), ...ofLetters])].sort();
        return storyOf(schema, devices.slice(0, MAX_DEVICES), now());
      },
    );
    server.get(
      '/mappings',
      { schema: described('Mappings in force, by source.', OBJECT) },
      async (): Promise<MappingList> => ({
        mappings: contract.mappings.sources.map((source) => ({
          source,
          file: `${source}.json`,
          description: null,
          rules: contract.mappings.rules
            .filter((rule) => rule.source === source)
            .map((rule) => ({ topic: rule.pattern.text, does: doesOf(rule) })),
          became: outcomesOf(watch, source),
        })),
      }),
    );
    for (const path of ['/schemas/try', '/mappings/try'])
      server.post<{ Body: Omit<TriedMessage, 'client'> & { client?: string } }>(
        path,
        {
          bodyLimit: BODY_BYTES,
          schema: { ...described('What would become of a message; nothing is stored.', OBJECT), body: tried },
        },
        async ({ body }): Promise<Judgement> => judgementOf({ client: undefined, ...body }, contract, now()),
      );
  };
}

function storyOf(schema: ReadingSchema, devices: readonly string[], now: number): SchemaStory {
  return {
    name: schema.name,
    title: text(schema.content['title']),
    description: text(schema.content['description']),
    schema: schema.content,
    fields: [...schema.fields.values()].map(({ name, kind, unit, required, schema: property }) => ({
      name,
      kind,
      unit: unit === '' ? null : unit,
      minimum: number(property['minimum']),
      maximum: number(property['maximum']),
      required,
      description: text(property['description']),
    })),
    devices,
    example: examplePayload(schema, now),
  };
}

function doesOf({ ignore, readings }: MappingRule): string {
  if (ignore.has('topic')) return 'swallowed';
  const names = new Set(readings.map(({ schema }) => schema.name));
  return `readings of ${[...names].join(', ')}`;
}

/** In words, since the gateways began; empty = nothing is known. */
function outcomesOf(watch: FlowWatch, source: string): string {
  return watch
    .mapped(source)
    .filter(([, count]) => count > 0)
    .map(([outcome, count]) => `${count.toLocaleString('en')} ${outcome}`)
    .join(', ');
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

function number(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}
