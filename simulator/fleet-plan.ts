import { LIMITS } from '#contract/limits.ts';
import type { SchemaRegistry } from '#contract/schema-registry.ts';
import { PipelineError } from '#runtime/errors.ts';
import { chooseSchemas } from './choose-schemas.ts';
import type { DeviceIdentity, FleetOptions } from './fleet-options.ts';
import type { MessageBounds } from './malformed-kinds.ts';
import type { Pace } from './pace.ts';
import { assertInventable } from './reading-source.ts';
import { type Behaviour, DEFAULT_BEHAVIOUR, SCENARIOS } from './scenarios.ts';

/** What the command line said; everything may be left out. */
export interface FleetRequest extends Partial<Behaviour> {
  readonly url?: readonly string[];
  readonly types?: readonly string[];
  readonly count?: number;
  /** Seconds. */
  readonly duration?: number;
  readonly seed?: number;
  readonly scenario?: string;
}

export interface FleetSurroundings {
  readonly defaultUrl: string;
  readonly schemas: SchemaRegistry;
  /** Drawn when the request names no seed. */
  readonly seed: number;
  /** With passwords; `undefined` = devices without, named `sim-<seed>-<number>`. */
  readonly identities: readonly DeviceIdentity[] | undefined;
  /** Of the gateway; default: those that nobody has set. */
  readonly limits?: MessageBounds;
}

const PROTOCOLS = new Set(['mqtt:', 'mqtts:', 'tcp:', 'ssl:', 'ws:', 'wss:']);
/** A message a second: what devices do that nobody told how fast to be. */
const DEFAULT_RATE = 1;
/** After this long without any acknowledgement the rest of a run with an end is given up. */
const PATIENCE_MS = 60_000;

/**
 * Turns a request into a fleet: what is said explicitly counts before the scenario, that before the defaults.
 *
 * @throws PipelineError `usage` with everything that contradicts itself, one line each.
 */
export function planFleet(request: FleetRequest, surroundings: FleetSurroundings): FleetOptions {
  const problems: string[] = [];
  const behaviour = { ...DEFAULT_BEHAVIOUR, ...scenarioOf(request.scenario, problems), ...request };
  const { count, duration } = request;
  const seed = request.seed ?? surroundings.seed;
  if (count !== undefined && duration !== undefined) problems.push('--count, --duration: give one of them');
  const urls = request.url ?? [surroundings.defaultUrl];
  for (const url of urls) {
    if (!URL.canParse(url) || !PROTOCOLS.has(new URL(url).protocol)) {
      problems.push('--url: expected an address such as mqtt://127.0.0.1:1883, mqtts://… or ws://…');
    }
  }
  const rate = behaviour.rate ?? (count === undefined ? DEFAULT_RATE : 'max');
  const pace = paceOf(behaviour, rate, problems);
  const devices = devicesOf(request.devices, behaviour.devices, seed, surroundings.identities, problems);
  const { limits = LIMITS } = surroundings;
  if (behaviour.batch > limits.readingsPerMessage)
    problems.push(`--batch: expected at most ${limits.readingsPerMessage} (MAX_READINGS_PER_MESSAGE)`);
  if (problems.length > 0) throw new PipelineError('usage', problems.join('\n'));

  const schemas = chooseSchemas(surroundings.schemas, request.types);
  assertInventable(schemas);
  const { batch, qos, mqttVersion, malformed, late, duplicate, disconnect } = behaviour;
  return {
    urls: urls as unknown as readonly [string, ...string[]],
    devices,
    schemas,
    seed,
    batch,
    qos,
    mqttVersion,
    pace,
    count,
    durationMs: duration === undefined ? undefined : duration * 1000,
    malformed,
    late,
    duplicate,
    disconnect,
    giveUpAfterMs: PATIENCE_MS,
    limits: surroundings.limits,
  };
}

function scenarioOf(name: string | undefined, problems: string[]): Partial<Behaviour> {
  if (name === undefined) return {};
  const scenario = SCENARIOS.get(name);
  if (scenario === undefined)
    problems.push(`--scenario: expected one of ${[...SCENARIOS.keys()].join(', ')}`);
  return scenario?.behaviour ?? {};
}

function paceOf(behaviour: Behaviour, rate: number | 'max', problems: string[]): Pace | undefined {
  const { burstFactor, burstEvery, burstLength } = behaviour;
  if (burstLength > burstEvery) problems.push('--burst-length: expected at most --burst-every');
  if (rate !== 'max') return { rate, burstFactor, burstEvery, burstLength };
  if (burstFactor !== 1) problems.push('--burst-factor: needs a --rate to multiply');
  return undefined;
}

function devicesOf(
  requested: number | undefined,
  fallback: number,
  seed: number,
  identities: readonly DeviceIdentity[] | undefined,
  problems: string[],
): readonly DeviceIdentity[] {
  if (identities === undefined) {
    return Array.from({ length: requested ?? fallback }, (_, number) => ({
      id: `sim-${seed}-${number + 1}`,
    }));
  }
  if ((requested ?? 0) > identities.length) {
    problems.push(`--devices: expected at most ${identities.length}, as many as --credentials names`);
  }
  return identities.slice(0, requested ?? identities.length);
}
