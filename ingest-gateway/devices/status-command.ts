import Table from 'cli-table3';
import type { Command } from 'commander';
import { z } from 'zod';
import type { CommandIo } from '#runtime/command-line.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { shortened, terminalJson, terminalText } from '#runtime/terminal-text.ts';

/** How long the gateway may take to answer. */
const ANSWER_MS = 15_000;
const DEFAULT_PORT = '8080';

const turnedAway = {
  refusals: z.record(z.string(), z.number()),
  lastRefusal: z
    .looseObject({ at: z.number(), reason: z.string(), address: z.string(), detail: z.string().nullable() })
    .nullable(),
};
const counts = z.record(z.string(), z.number());
/** What is shown of `/api/devices`; whatever else is there is passed on by `--json`. */
const answerSchema = z.looseObject({
  devices: z.array(
    z.looseObject({
      id: z.string(),
      connected: z.boolean(),
      address: z.string().nullable(),
      lastSeen: z.number().nullable(),
      accepted: z.number(),
      refused: counts,
      takeovers: z.number(),
      slowedMs: z.number(),
      ...turnedAway,
    }),
  ),
  strangers: z.array(z.looseObject({ id: z.string(), ...turnedAway })),
  addresses: z.array(z.looseObject({ address: z.string(), ...turnedAway })),
});
type Answer = z.infer<typeof answerSchema>;
type LastRefusal = Answer['devices'][number]['lastRefusal'];

interface StatusOptions {
  readonly url?: string;
  readonly json?: true;
}

/** `npm run devices -- status [ID]`: what a running gateway knows of devices, and of those that it turned away. */
export function addStatusCommand(program: Command, io: Pick<CommandIo, 'env' | 'stdout'>): void {
  program
    .command('status')
    .description(
      'What a running gateway knows of its devices since it started: where they are, what was refused, who took over whose\n' +
        'connection; ids that were never let in, and addresses that were turned away. HTTP_TOKEN is shown if it is set.',
    )
    .argument('[device-id]', 'of this one only')
    .option('--url <url>', 'of the gateway; default http://HTTP_HOST:HTTP_PORT')
    .option('--json', 'the answer as one JSON object')
    .action(async (id: string | undefined, { url, json }: StatusOptions) => {
      const answer = await ask(url ?? urlFrom(io.env), id, io.env['HTTP_TOKEN']);
      io.stdout.write(json ? `${terminalJson(answer)}\n` : render(answer, id));
    });
}

function urlFrom({ HTTP_HOST, HTTP_PORT }: CommandIo['env']): string {
  const host = HTTP_HOST || '127.0.0.1';
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${HTTP_PORT || DEFAULT_PORT}`;
}

async function ask(base: string, id: string | undefined, token: string | undefined): Promise<Answer> {
  if (!URL.canParse(base)) throw new PipelineError('usage', `--url: expected an address, found ${base}`);
  const url = new URL('/api/devices', base);
  if (id !== undefined) url.searchParams.set('id', id);
  let response: Response;
  try {
    response = await fetch(url, {
      headers: token ? { authorization: `Bearer ${token}` } : {},
      signal: AbortSignal.timeout(ANSWER_MS),
    });
  } catch (cause) {
    throw new PipelineError(
      'gateway-unavailable',
      `no gateway answers at ${url.origin} (--url, HTTP_HOST, HTTP_PORT): ${describeError(cause)}`,
      { cause, retryable: true },
    );
  }
  if (!response.ok)
    throw new PipelineError(
      'gateway-unavailable',
      `${url.origin} answers ${response.status}${response.status === 401 ? ': it wants HTTP_TOKEN' : ''}`,
    );
  const answer = answerSchema.safeParse(await response.json().catch(() => undefined));
  if (answer.success) return answer.data;
  throw new PipelineError(
    'gateway-unavailable',
    `what answers at ${url.origin} is no gateway of this version`,
  );
}

function render({ devices, strangers, addresses }: Answer, id: string | undefined): string {
  const parts: string[] = [];
  const part = (title: string, head: readonly string[], rows: readonly (readonly string[])[]): void => {
    if (rows.length === 0) return;
    const table = new Table({ head: [...head], style: { head: [], border: [] } });
    for (const row of rows) table.push(row.map((cell) => shortened(terminalText(cell), 60)));
    parts.push(`${title}\n${table.toString()}\n`);
  };
  part(
    'Devices',
    [
      'device',
      'connected',
      'address',
      'last seen',
      'readings',
      'dead letters',
      'takeovers',
      'slowed',
      'turned away',
      'last',
    ],
    devices.map((it) => [
      it.id,
      it.connected ? 'yes' : 'no',
      it.address ?? '',
      it.lastSeen === null ? 'never' : new Date(it.lastSeen).toISOString(),
      String(it.accepted),
      String(sum(it.refused)),
      String(it.takeovers),
      `${(it.slowedMs / 1000).toFixed(1)} s`,
      byReason(it.refusals),
      lastOf(it.lastRefusal),
    ]),
  );
  part(
    'Never let in',
    ['calls itself', 'turned away', 'last'],
    strangers.map((it) => [it.id, byReason(it.refusals), lastOf(it.lastRefusal)]),
  );
  part(
    'Addresses turned away',
    ['address', 'turned away', 'last'],
    addresses.map((it) => [it.address, byReason(it.refusals), lastOf(it.lastRefusal)]),
  );
  if (parts.length > 0) return parts.join('\n');
  return id === undefined ? 'No devices.\n' : `${terminalText(id)}: not seen since the gateway started.\n`;
}

function sum(byWord: Readonly<Record<string, number>>): number {
  return Object.values(byWord).reduce((total, count) => total + count, 0);
}

function byReason(refusals: Readonly<Record<string, number>>): string {
  return Object.entries(refusals)
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ');
}

function lastOf(last: LastRefusal): string {
  if (last === null) return '';
  const detail = last.detail === null ? '' : ` (${last.detail})`;
  return `${new Date(last.at).toISOString()} ${last.reason} from ${last.address}${detail}`;
}
