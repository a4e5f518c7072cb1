import { type Command, Option } from 'commander';
import { addExamples } from '#runtime/command-help.ts';
import type { CommandIo } from '#runtime/command-line.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { write } from '#runtime/text-output.ts';
import { withoutLogin } from '#runtime/url-login.ts';
import { allOf, overview, type StatusAnswer, statusAnswerSchema } from './status-report.ts';

/** How long the gateway may take to answer. */
const ANSWER_MS = 15_000;
const DEFAULT_PORT = '8080';
/** Columns where nobody says how many there are. */
const PLAIN_WIDTH = 80;
const TROUBLES = ['refused', 'silent'] as const;

interface StatusOptions {
  readonly url?: string;
  readonly trouble?: (typeof TROUBLES)[number] | true;
  readonly json?: true;
}

/** `npm run devices -- status [ID]`: what a running gateway knows of devices, and of those that it turned away. */
export function addStatusCommand(
  program: Command,
  io: Pick<CommandIo, 'env' | 'stdout'>,
  now: () => number,
): void {
  addExamples(program.command('status'), '--trouble', 'truck-1')
    .description(
      'What a running gateway knows of its devices since it started: who is there, what was refused, who is silent; ids that\n' +
        'were never let in, and addresses that were turned away. Of one device: all there is. HTTP_TOKEN is shown if it is set, else\n' +
        'the user and password of --url.',
    )
    .argument('[device-id]', 'of this one only')
    .addOption(
      new Option(
        '--trouble [which]',
        'only devices whose readings are refused, or that are silent for longer than they should be',
      ).choices(TROUBLES),
    )
    .option('--url <url>', 'of the gateway; default http://HTTP_HOST:HTTP_PORT')
    .option('--json', 'the answer as one JSON object')
    .action(async (id: string | undefined, { url, trouble, json }: StatusOptions) => {
      const { env, stdout } = io;
      const wanted = trouble === true ? 'any' : trouble;
      const answer = await ask(url ?? urlFrom(env), { id, trouble: wanted }, env['HTTP_TOKEN']);
      const show = (): string =>
        id === undefined
          ? overview(answer, {
              columns: stdout.columns ?? PLAIN_WIDTH,
              now: now(),
              onlyTrouble: trouble !== undefined,
            })
          : allOf(id, answer);
      await write(stdout, json ? `${terminalJson(answer)}\n` : show());
    });
}

function urlFrom({ HTTP_HOST, HTTP_PORT }: CommandIo['env']): string {
  const host = HTTP_HOST || '127.0.0.1';
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${HTTP_PORT || DEFAULT_PORT}`;
}

async function ask(
  base: string,
  wanted: Readonly<Record<string, string | undefined>>,
  token: string | undefined,
): Promise<StatusAnswer> {
  // `localhost:8080` is an address for people, and for `URL` one of the scheme `localhost`.
  const address = /^[a-z]+:\/\//i.test(base) ? base : `http://${base}`;
  if (!/^https?:/i.test(address) || !URL.canParse(address))
    // Not quoted: there may be a password in it.
    throw new PipelineError('usage', '--url: expected an address such as http://127.0.0.1:8080');
  const { address: gateway, authorization } = withoutLogin(address);
  const url = new URL('/api/devices', gateway);
  for (const [name, value] of Object.entries(wanted))
    if (value !== undefined) url.searchParams.set(name, value);
  const shown = token ? `Bearer ${token}` : authorization;
  let response: Response;
  try {
    response = await fetch(url, {
      headers: shown === undefined ? {} : { authorization: shown },
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
  const answer = statusAnswerSchema.safeParse(await response.json().catch(() => undefined));
  if (answer.success) return answer.data;
  throw new PipelineError(
    'gateway-unavailable',
    `what answers at ${url.origin} is no gateway of this version`,
  );
}
