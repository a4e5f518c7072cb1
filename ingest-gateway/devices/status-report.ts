import { z } from 'zod';
import { counted } from '#runtime/counted.ts';
import { shortened, terminalText } from '#runtime/terminal-text.ts';
import { plainTable } from '#runtime/text-output.ts';

const countsSchema = z.record(z.string(), z.number());
const turnedAway = {
  refusals: countsSchema,
  lastRefusal: z
    .looseObject({ at: z.number(), reason: z.string(), address: z.string(), detail: z.string().nullable() })
    .nullable(),
};
/** What is shown of `/api/devices`; whatever else is there is passed on by `--json`. */
export const statusAnswerSchema = z.looseObject({
  devices: z.array(
    z.looseObject({
      id: z.string(),
      connected: z.boolean(),
      address: z.string().nullable(),
      lastSeen: z.number().nullable(),
      accepted: z.number(),
      refused: countsSchema,
      discarded: countsSchema,
      takeovers: z.number(),
      slowedMs: z.number(),
      refusedSince: z.number().nullable(),
      silentSince: z.number().nullable(),
      ...turnedAway,
    }),
  ),
  strangers: z.array(z.looseObject({ id: z.string(), ...turnedAway })),
  addresses: z.array(z.looseObject({ address: z.string(), ...turnedAway })),
});
export type StatusAnswer = z.infer<typeof statusAnswerSchema>;
type DeviceShown = StatusAnswer['devices'][number];
type TurnedAwayShown = Pick<DeviceShown, 'refusals' | 'lastRefusal'>;

/** Characters of an id, and of an address, in a table: the whole of it is told of one device, and by `--json`. */
const NAME_WIDTH = 24;
/** Below that a table says nothing any more. */
const LEAST_WIDTH = 60;

interface OverviewOptions {
  /** Of the terminal: no line is longer. */
  readonly columns: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly onlyTrouble: boolean;
}

/** A line for each device; at its end what is unusual about it. */
export function overview(answer: StatusAnswer, options: OverviewOptions): string {
  const { devices, strangers, addresses } = answer;
  const { columns, now, onlyTrouble } = options;
  const width = Math.max(LEAST_WIDTH, columns);
  const parts: string[] = [];
  const part = (title: string, head: readonly string[], rows: readonly (readonly string[])[]): void => {
    if (rows.length === 0) return;
    const table = plainTable(head, rows).trimEnd().split('\n');
    parts.push([`${title}:`, ...table.map((line) => shortened(line, width))].join('\n'));
  };
  part(
    `${counted(devices.length, 'device')}${onlyTrouble ? ' in trouble' : ''}`,
    ['DEVICE', 'HERE', 'SEEN', 'READINGS', 'REFUSED', 'NOTE'],
    devices.map((device) => [
      shortened(device.id, NAME_WIDTH),
      device.connected ? 'yes' : 'no',
      device.lastSeen === null ? 'never' : `${age(now - device.lastSeen)} ago`,
      String(device.accepted),
      String(sum(device.refused)),
      noteOf(device, now),
    ]),
  );
  if (!onlyTrouble) {
    const rowOf = (name: string, it: TurnedAwayShown): string[] => [
      shortened(name, NAME_WIDTH),
      it.lastRefusal === null ? '' : `${age(now - it.lastRefusal.at)} ago`,
      byWord(it.refusals),
    ];
    part(
      'Never let in',
      ['CALLS ITSELF', 'LAST', 'TURNED AWAY'],
      strangers.map((it) => rowOf(it.id, it)),
    );
    part(
      'Addresses turned away',
      ['ADDRESS', 'LAST', 'TURNED AWAY'],
      addresses.map((it) => rowOf(it.address, it)),
    );
  }
  if (parts.length === 0) return onlyTrouble ? 'No device is in trouble.\n' : 'No devices.\n';
  return `${parts.join('\n\n')}\n`;
}

/** All that is known of one device, or of who calls itself so. */
export function allOf(id: string, { devices, strangers, addresses }: StatusAnswer): string {
  const shown: string[] = [];
  const block = (title: string, entries: readonly (readonly [name: string, value: string])[]): void => {
    const lines = entries
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `  ${name.padEnd(15)}${terminalText(value)}`);
    shown.push([terminalText(title), ...lines].join('\n'));
  };
  for (const device of devices)
    block(device.id, [
      ['connected', device.connected ? 'yes' : 'no'],
      ['last seen', timeOf(device.lastSeen, 'not since the gateway started')],
      ['address', device.address ?? ''],
      ['readings', String(device.accepted)],
      ['dead letters', byWord(device.refused)],
      ['thrown away', byWord(device.discarded)],
      ['refused since', timeOf(device.refusedSince)],
      ['silent since', timeOf(device.silentSince)],
      ['takeovers', String(device.takeovers)],
      ['slowed', `${(device.slowedMs / 1000).toFixed(1)} s`],
      ...turnedAwayEntries(device),
    ]);
  for (const it of strangers) block(`${it.id} (never let in)`, turnedAwayEntries(it));
  for (const it of addresses) block(`from ${it.address}`, turnedAwayEntries(it));
  return shown.length === 0
    ? `${terminalText(id)}: not seen since the gateway started.\n`
    : `${shown.join('\n\n')}\n`;
}

function turnedAwayEntries({ refusals, lastRefusal }: TurnedAwayShown): [name: string, value: string][] {
  if (lastRefusal === null) return [];
  const { at, reason, address, detail } = lastRefusal;
  return [
    ['turned away', byWord(refusals)],
    ['the last time', `${timeOf(at)} ${reason} from ${address}`],
    ['because', detail ?? ''],
  ];
}

function noteOf(device: DeviceShown, now: number): string {
  const { refusedSince, silentSince, refusals, takeovers, slowedMs, discarded } = device;
  const notes = [
    refusedSince === null ? '' : `refused for ${age(now - refusedSince)}`,
    silentSince === null ? '' : `silent for ${age(now - silentSince)}`,
    Object.keys(refusals).length === 0 ? '' : `turned away: ${byWord(refusals)}`,
    sum(discarded) === 0 ? '' : `${sum(discarded)} thrown away`,
    takeovers === 0 ? '' : counted(takeovers, 'takeover'),
    slowedMs < 100 ? '' : `slowed ${(slowedMs / 1000).toFixed(1)} s`,
  ];
  return notes.filter(Boolean).join('; ');
}

function sum(byReason: Readonly<Record<string, number>>): number {
  return Object.values(byReason).reduce((total, count) => total + count, 0);
}

function byWord(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([word, count]) => `${word} ${count}`)
    .join(', ');
}

function timeOf(ms: number | null, never = ''): string {
  return ms === null ? never : new Date(ms).toISOString();
}

function age(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 100) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 100) return `${minutes} min`;
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} days`;
}
