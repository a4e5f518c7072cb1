import { Registry } from 'prom-client';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import type { EventLog } from '#event-log/event-log.ts';
import type { CommandIo } from '#runtime/command-line.ts';
import { createCommandLog } from '#runtime/command-log.ts';
import { settingsAndContractOfCommand } from '#runtime/command-settings.ts';
import { counted } from '#runtime/counted.ts';
import type { Deps } from '#runtime/deps.ts';
import { PipelineError } from '#runtime/errors.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import { readText } from '#runtime/read-text.ts';
import type { Settings } from '#runtime/settings.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';
import { parseCredentials } from './credentials.ts';
import { type Fleet, type FleetOutcome, startFleet } from './fleet.ts';
import type { FleetOptions } from './fleet-options.ts';
import { type FleetRequest, planFleet } from './fleet-plan.ts';
import { Ledger } from './ledger.ts';
import { LedgerFile, readLedgerFile } from './ledger-file.ts';
import {
  describeProgress,
  describeRun,
  describeVerification,
  describeWrongAnswers,
  jsonReport,
} from './report.ts';
import type { Verification } from './verification.ts';
import { verifyLedger } from './verify-ledger.ts';

export interface SimulateRequest extends FleetRequest, VerificationRequest {
  readonly credentials?: string;
  readonly ledger?: string;
  readonly verify?: boolean;
}

export interface VerificationRequest {
  /** Seconds. */
  readonly verifyTimeout: number;
  readonly json?: boolean;
}

/** How the simulator gets at a pipeline beside which it runs, and at clock and chance; its own object in tests. */
export interface PipelineAccess extends Pick<Deps, 'now' | 'random'> {
  openLog(settings: Settings, deps: Deps): Promise<EventLog>;
  openStore(settings: Settings, deps: Deps): Promise<TelemetryStore>;
}

const DISPLAY_EVERY_MS = 250;
/** Seeds that nobody chose stay short enough to be typed. */
const DRAWN_SEEDS = 1_000_000;

/**
 * Runs a fleet to its end or to Ctrl-C, and verifies it when asked.
 *
 * @returns the exit code.
 * @throws PipelineError `usage`, `configuration`, or what kept it from verifying.
 */
export async function simulate(
  request: SimulateRequest,
  io: CommandIo,
  access: PipelineAccess,
): Promise<0 | 1> {
  const { settings, schemas, deps } = await surroundings(io, access);
  const options = planFleet(request, {
    defaultUrl: gatewayUrl(settings),
    schemas,
    seed: Math.floor(access.random() * DRAWN_SEEDS),
    limits: settings.limits,
    identities: request.credentials === undefined ? undefined : identitiesIn(request.credentials),
  });
  const quiet = request.json === true;
  if (!quiet)
    io.stderr.write(
      `seed ${options.seed}, ${counted(options.devices.length, 'device')}, ${options.urls.map(withoutPassword).join(', ')}\n`,
    );
  const file = request.ledger === undefined ? undefined : new LedgerFile(request.ledger);
  const memory = request.verify === true && file === undefined ? new Ledger() : undefined;

  const fleet = startFleet(options, { ...deps, ledger: file ?? memory });
  const outcome = await watch(fleet, options, io, quiet, file);
  const progress = fleet.progress();
  if (!quiet) io.stdout.write(describeRun(progress, outcome, options.qos));

  let verification: Verification | undefined;
  if (request.verify === true) {
    const ledger = memory ?? (await readLedgerFile(request.ledger as string));
    verification = await verify(ledger, request, io, settings, deps, access);
  }
  if (quiet) {
    if (progress.wrongAnswers > 0) io.stderr.write(`${describeWrongAnswers(progress)}\n`);
    io.stdout.write(`${terminalJson(jsonReport(progress, verification))}\n`);
  }
  return outcome === 'gave-up' || verification?.ok === false || progress.wrongAnswers > 0 ? 1 : 0;
}

/** Verifies a ledger file. Returns the exit code, throws as {@link simulate}. */
export async function verifyLater(
  request: VerificationRequest & { readonly ledger: string },
  io: CommandIo,
  access: PipelineAccess,
): Promise<0 | 1> {
  const { settings, deps } = await surroundings(io, access);
  const ledger = await readLedgerFile(request.ledger);
  const verification = await verify(ledger, request, io, settings, deps, access);
  if (request.json === true) io.stdout.write(`${terminalJson(verification)}\n`);
  return verification.ok ? 0 : 1;
}

async function watch(
  fleet: Fleet,
  options: FleetOptions,
  io: CommandIo,
  quiet: boolean,
  file: LedgerFile | undefined,
): Promise<FleetOutcome> {
  using display = createProgressDisplay(io.stderr, quiet);
  using _file = file;
  const timer = setInterval(() => {
    const progress = fleet.progress();
    const { messages, elapsedMs } = progress;
    const { count, durationMs } = options;
    const share =
      count !== undefined
        ? messages / (count * options.devices.length)
        : durationMs && Math.min(1, elapsedMs / durationMs);
    display.show(describeProgress(progress), share);
  }, DISPLAY_EVERY_MS);
  const onInterrupt = (): void => void fleet.stop();
  io.signal.addEventListener('abort', onInterrupt);
  if (io.signal.aborted) onInterrupt();
  try {
    return await Promise.race([fleet.ended, ...(file === undefined ? [] : [file.failed])]);
  } finally {
    clearInterval(timer);
    io.signal.removeEventListener('abort', onInterrupt);
    await fleet[Symbol.asyncDispose]();
  }
}

async function verify(
  ledger: Ledger,
  request: VerificationRequest,
  io: CommandIo,
  settings: Settings,
  deps: Deps,
  access: PipelineAccess,
): Promise<Verification> {
  const quiet = request.json === true;
  await using log = await access.openLog(settings, deps);
  await using store = await access.openStore(settings, deps);
  using display = createProgressDisplay(io.stderr, quiet);
  let most = 1;
  const verification = await verifyLedger(
    ledger,
    {
      deadLetterTopic: settings.topics.deadLetters,
      consumerGroup: settings.consumerGroup,
      timeoutMs: request.verifyTimeout * 1000,
      // Ctrl-C ended the run; a second one is for the verification, and main.ts sees to it.
      ...(!io.signal.aborted && { signal: io.signal }),
      onLook: (owed, trouble) => {
        most = Math.max(most, owed);
        const waiting = `verifying · ${owed.toLocaleString('en-US')} readings to be found`;
        display.show(trouble === undefined ? waiting : `${waiting} · ${trouble}`, 1 - owed / most);
      },
    },
    { log, store },
  );
  display[Symbol.dispose]();
  if (!quiet) io.stdout.write(describeVerification(verification));
  return verification;
}

async function surroundings(
  io: CommandIo,
  access: PipelineAccess,
): Promise<{ readonly settings: Settings; readonly schemas: SchemaRegistry; readonly deps: Deps }> {
  const { settings, contract } = await settingsAndContractOfCommand(io);
  const { schemas } = contract;
  // The display says what a person needs; log lines would run through it.
  const log = createCommandLog('simulate', { LOG_LEVEL: io.env['LOG_LEVEL'] || 'silent' }, io.stderr);
  return {
    settings,
    schemas,
    deps: { log, metrics: new Registry(), now: access.now, random: access.random },
  };
}

function identitiesIn(path: string): ReturnType<typeof parseCredentials> {
  let text: string;
  try {
    text = readText(path);
  } catch (error) {
    throw new PipelineError('usage', `--credentials: ${path} cannot be read`, { cause: error });
  }
  return parseCredentials(text);
}

/** Where the pipeline of this environment listens. */
function gatewayUrl({ mqtt }: Settings): string {
  if (mqtt.port === undefined)
    throw new PipelineError('usage', '--url: expected the address of a gateway, because MQTT_PORT is "off"');
  const everywhere = mqtt.host === '0.0.0.0' || mqtt.host === '::';
  const host = everywhere ? '127.0.0.1' : mqtt.host;
  return `mqtt://${host.includes(':') ? `[${host}]` : host}:${mqtt.port}`;
}

function withoutPassword(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}
