import { z } from 'zod';
import { whyNotAddable } from '#ingest-gateway/devices/addable-id.ts';
import { type PasswordHash, passwordHashSchema } from '#ingest-gateway/devices/credential.ts';
import { type DeviceTerms, deviceTerms } from '#ingest-gateway/devices/device-terms.ts';
import { whyNotPassword } from '#ingest-gateway/devices/password-hash.ts';
import { type HashKind, parseBrokerHash } from './broker-hash.ts';
import { type ListFormat, type RawRow, readRows } from './device-rows.ts';

/** How the device is to prove itself; nothing = a password is to be made. */
export interface NewDevice {
  /** Where it stands in the list, for whoever has something to say against it. */
  readonly place: string;
  readonly id: string;
  readonly chosen?: string | undefined;
  readonly hash?: PasswordHash | undefined;
  readonly terms: DeviceTerms;
}

export interface DeviceList {
  readonly devices: readonly NewDevice[];
  /** One line each, naming the place, never a password. */
  readonly problems: readonly string[];
}

export interface ListOptions {
  readonly format?: ListFormat | undefined;
  readonly hashes?: HashKind | undefined;
}

const fieldsSchema = z.strictObject({
  id: z.string('is missing'),
  password: z.string().optional(),
  hash: z.union([z.string(), passwordHashSchema], 'must be a hash').optional(),
  /** Of a hash that does not say it. */
  salt: z.string().optional(),
  ...deviceTerms,
});

/** What EMQX and others call it. */
const OTHER_NAMES: ReadonlyMap<string, string> = new Map([
  ['user_id', 'id'],
  ['username', 'id'],
  ['clientid', 'id'],
  ['password_hash', 'hash'],
]);
/** EMQX: whoever is one may do everything there. Nobody may here. */
const LEFT_OUT = 'is_superuser';
const COLUMNS = new Set([...Object.keys(fieldsSchema.shape), ...OTHER_NAMES.keys(), LEFT_OUT]);

/** Reads a list of devices and judges each row by itself. */
export function readDeviceList(text: string, { format, hashes }: ListOptions): DeviceList {
  const { rows, problems: unreadable } = readRows(text, format, (name) => COLUMNS.has(name));
  const problems = [...unreadable];
  const devices = new Map<string, NewDevice>();
  for (const row of rows) {
    const judged = judge(row, hashes);
    const before = typeof judged === 'object' && 'id' in judged ? devices.get(judged.id) : undefined;
    if (!('id' in judged)) problems.push(...judged.problems.map((problem) => `${row.place}: ${problem}`));
    else if (before !== undefined)
      problems.push(`${row.place}: ${judged.id} is there already (${before.place})`);
    else devices.set(judged.id, judged);
  }
  if (rows.length === 0 && problems.length === 0) problems.push('it names no devices');
  return { devices: [...devices.values()], problems };
}

function judge({ place, fields }: RawRow, hashes: HashKind | undefined): NewDevice | { problems: string[] } {
  const parsed = fieldsSchema.safeParse(normalised(fields));
  if (!parsed.success)
    return {
      problems: parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`.trim()),
    };
  const { id, password: chosen, hash, salt = '', ...terms } = parsed.data;
  const why = whyNotAddable(id) ?? (chosen === undefined ? undefined : whyNotPassword(chosen));
  if (why !== undefined) return { problems: [why] };
  if (chosen !== undefined && hash !== undefined)
    return { problems: [`${id} has a password and a hash: expected one of them`] };
  if (typeof hash !== 'string') return { place, id, chosen, hash, terms };
  const kept = parseBrokerHash(hash, salt, hashes);
  return typeof kept === 'string' ? { problems: [`${id}: ${kept}`] } : { place, id, hash: kept, terms };
}

/** Under our names; and numbers and lists where CSV has only text. */
function normalised(fields: RawRow['fields']): Record<string, unknown> {
  const named = Object.entries(fields)
    .filter(([name]) => name !== LEFT_OUT)
    .map(([name, value]): [string, unknown] => [OTHER_NAMES.get(name) ?? name, value]);
  const result = Object.fromEntries(named);
  const { forwards, maxDevices, silentAfterSeconds, limits } = result;
  if (typeof forwards === 'string') result['forwards'] = forwards.trim().split(/\s+/);
  if (typeof maxDevices === 'string') result['maxDevices'] = numberIn(maxDevices);
  if (typeof silentAfterSeconds === 'string') result['silentAfterSeconds'] = numberIn(silentAfterSeconds);
  if (typeof limits === 'object' && limits !== null)
    result['limits'] = Object.fromEntries(
      Object.entries(limits).map(([name, value]) => [
        name,
        typeof value === 'string' ? numberIn(value) : value,
      ]),
    );
  return result;
}

function numberIn(text: string): number | string {
  return /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : text;
}
