import { Device } from './device.ts';
import { DeviceScript, type Message } from './device-script.ts';
import type { FleetDeps, FleetOptions } from './fleet-options.ts';
import { versionOf } from './protocol.ts';
import { randomStreams } from './random-stream.ts';
import type { Unacknowledged } from './unacknowledged.ts';

/** Messages of one device that may wait for their acknowledgement. */
const WINDOW = 100;

/** What the devices of a fleet tell it; they are numbered from 0. */
export interface FleetEvents {
  onSent(number: number, message: Message): void;
  onAcked(number: number, message: Unacknowledged): void;
  onConnection(up: boolean): void;
  onWrongAnswer(number: number, description: string): void;
  onTrouble(url: string, problem: string): void;
  onEnded(): void;
}

/** The devices of a fleet, not started yet. */
export function createFleetDevices(
  options: FleetOptions,
  deps: FleetDeps,
  startedAt: number,
  events: FleetEvents,
): readonly Device[] {
  const streams = randomStreams(options.seed);
  const now = deps.now();
  return options.devices.map((identity, number) => {
    deps.ledger?.device(number, identity.id);
    // Three streams a device: what it measures does not change with what it does wrong, nor that with its connection.
    const values = streams.next().value;
    const conduct = streams.next().value;
    const connection = streams.next().value;
    const script = new DeviceScript(
      {
        schema: options.schemas[number % options.schemas.length] ?? options.schemas[0],
        batch: options.batch,
        malformed: options.malformed ?? 0,
        late: options.late ?? 0,
        duplicate: options.duplicate ?? 0,
        startedAt: now,
        limits: options.limits,
      },
      values,
      conduct,
    );
    const phase = connection.next();
    const unreliable = connection.chance(options.disconnect ?? 0) ? connection : undefined;
    return new Device(
      {
        id: identity.id,
        password: identity.password,
        urls: rotated(options.urls, number),
        qos: options.qos,
        version: versionOf(options.mqttVersion ?? '3.1.1', number),
        pace: options.pace,
        phase,
        count: options.count,
        window: WINDOW,
        unreliable,
      },
      script,
      {
        now: deps.now,
        random: deps.random,
        startedAt,
        onSent: (message) => events.onSent(number, message),
        onAcked: (message) => events.onAcked(number, message),
        onConnection: events.onConnection,
        onWrongAnswer: (description) => events.onWrongAnswer(number, description),
        onTrouble: events.onTrouble,
        onEnded: events.onEnded,
      },
    );
  });
}

function rotated(urls: readonly [string, ...string[]], by: number): readonly [string, ...string[]] {
  const at = by % urls.length;
  return [...urls.slice(at), ...urls.slice(0, at)] as unknown as readonly [string, ...string[]];
}
