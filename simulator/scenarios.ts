import type { FleetVersion } from './protocol.ts';

/** What can be set on the command line and by a scenario; a scenario is a set of these with a name. */
export interface Behaviour {
  readonly devices: number;
  /** Messages a second of each device; `max` = as fast as acknowledgements allow. */
  readonly rate: number | 'max' | undefined;
  readonly batch: number;
  readonly qos: 0 | 1 | 2;
  readonly mqttVersion: FleetVersion;
  readonly burstFactor: number;
  readonly burstEvery: number;
  readonly burstLength: number;
  readonly malformed: number;
  readonly late: number;
  readonly duplicate: number;
  readonly disconnect: number;
}

export const DEFAULT_BEHAVIOUR: Behaviour = {
  devices: 10,
  rate: undefined,
  batch: 1,
  qos: 1,
  mqttVersion: '3.1.1',
  burstFactor: 1,
  burstEvery: 30,
  burstLength: 5,
  malformed: 0,
  late: 0,
  duplicate: 0,
  disconnect: 0,
};

export interface Scenario {
  readonly description: string;
  readonly behaviour: Partial<Behaviour>;
}

export const SCENARIOS: ReadonlyMap<string, Scenario> = new Map<string, Scenario>([
  [
    'steady',
    {
      description: 'a healthy site: 50 devices, a reading a second each',
      behaviour: { devices: 50, rate: 1 },
    },
  ],
  [
    'bad-4g',
    {
      description: 'moving devices on a bad mobile network: connections break, messages come late and twice',
      behaviour: {
        devices: 50,
        rate: 1,
        batch: 5,
        malformed: 0.005,
        late: 0.1,
        duplicate: 0.05,
        disconnect: 0.6,
      },
    },
  ],
  [
    'rush-hour',
    {
      description: 'every half minute all devices send twenty times as much for five seconds',
      behaviour: { devices: 100, rate: 2, burstFactor: 20, burstEvery: 30, burstLength: 5 },
    },
  ],
  [
    'backlog',
    {
      description: 'devices back from days without a network deliver what they kept, in large batches',
      behaviour: { devices: 20, rate: 5, batch: 100, late: 0.9, duplicate: 0.01 },
    },
  ],
  [
    'broken-firmware',
    {
      description: 'every fifth reading is malformed, in every way there is',
      behaviour: { devices: 20, rate: 5, batch: 5, malformed: 0.2, duplicate: 0.02 },
    },
  ],
  [
    'flood',
    {
      description: 'as much as the pipeline takes: large batches, no pauses',
      behaviour: { devices: 100, rate: 'max', batch: 20 },
    },
  ],
]);
