import { type Fault, judgeMembers } from '#contract/judge-reading.ts';
import type { FieldValue, Reading } from '#contract/reading.ts';
import { coerceValue } from './coerce-value.ts';
import type { StoreNames } from './compile-as.ts';
import { placeOfElement } from './compile-context.ts';
import type { CompiledReading } from './compile-reading.ts';
import type { FieldSource } from './field-source.ts';
import type { PlacedFault } from './payload-kind.ts';
import { type Scope, Unfit } from './scope.ts';

/** What became of one element; `skipped` names in it were in no table. */
export type Made =
  | {
      readonly kind: 'reading';
      readonly device: string;
      readonly reading: Reading;
      readonly names: StoreNames | undefined;
      readonly path: string;
      readonly skipped: number;
    }
  /** There is nothing of this reading in the element. */
  | { readonly kind: 'nothing'; readonly skipped: number }
  | {
      readonly kind: 'fault';
      readonly fault: Fault;
      /** Whose reading it would have been, when that is known. */
      readonly device: string | undefined;
      /** JSON Pointer of the element. */
      readonly path: string;
      readonly skipped: number;
    };

const NOTHING: Made = { kind: 'nothing', skipped: 0 };

/**
 * Makes the reading of the element that stands in the scope, and judges it as one that a device sent itself. A value
 * that cannot be used refuses the whole element, with the place of each such value, so that a person can be pointed at it.
 *
 * @param judgedAt the clock that its time is judged by; `undefined` leaves the clock out
 */
export function makeReading(mapping: CompiledReading, scope: Scope, judgedAt: number | undefined): Made {
  if (!mapping.when(scope)) return NOTHING;
  const values: Record<string, FieldValue> = {};
  const faults: PlacedFault[] = [];
  let found = 0;
  const use = ({ field, source }: FieldSource): void => {
    const value = coerceValue(field.kind, source.read(scope));
    if (value === undefined) return;
    if (value instanceof Unfit) {
      faults.push({ path: source.place(scope) ?? '', message: `${value.message} (${field.name})` });
      return;
    }
    values[field.name] = value;
    found++;
  };
  for (const field of mapping.values) use(field);
  const skipped = mapping.named?.read(scope, use) ?? 0;
  if (found === 0 && faults.length === 0) return skipped === 0 ? NOTHING : { kind: 'nothing', skipped };

  const device = mapping.device.read(scope);
  if (device instanceof Unfit) {
    faults.push({ path: mapping.device.place(scope) ?? '', message: `${device.message} (device)` });
  }
  const ts = mapping.ts.read(scope);
  if (ts instanceof Unfit)
    faults.push({ path: mapping.ts.place(scope) ?? '', message: `${ts.message} (ts)` });
  const names = mapping.kind.names?.(scope, (fault) => faults.push(fault));
  if (typeof device !== 'string' || typeof ts !== 'number' || faults.length > 0) {
    return refused({ reason: 'mapping-failed', detail: { errors: faults } }, device, mapping, scope, skipped);
  }
  const reading: Reading = { schema: mapping.schema.name, ts, values };
  const fault = judgeMembers(mapping.schema, ts, undefined, values, judgedAt);
  if (fault === undefined) {
    const path = placeOfElement(mapping.pointers, mapping.pointers.length, scope);
    return { kind: 'reading', device, reading, names, path, skipped };
  }
  return refused({ ...fault, detail: placed(fault.detail, mapping, scope) }, device, mapping, scope, skipped);
}

function refused(
  fault: Fault,
  device: string | Unfit,
  mapping: CompiledReading,
  scope: Scope,
  skipped: number,
): Made {
  return {
    kind: 'fault',
    fault,
    device: typeof device === 'string' ? device : undefined,
    path: placeOfElement(mapping.pointers, mapping.pointers.length, scope),
    skipped,
  };
}

/** A verdict about the made reading, told in places of the message that it was made from. */
function placed(detail: unknown, mapping: CompiledReading, scope: Scope): unknown {
  const { errors, ...rest } = detail as { readonly errors?: readonly PlacedFault[] };
  if (errors === undefined) {
    return {
      errors: [{ path: mapping.ts.place(scope) ?? '', message: 'is outside of the accepted time (ts)' }],
      ...rest,
    };
  }
  const places = new Map<string, string>();
  const note = ({ field, source }: FieldSource): void => {
    const place = source.place(scope);
    if (place !== undefined) places.set(field.name, place);
  };
  for (const field of mapping.values) note(field);
  mapping.named?.read(scope, note);
  return {
    errors: errors.map(({ path, message }) => {
      const field = path.split('/')[2] ?? '';
      return { path: places.get(field) ?? '', message: field === '' ? message : `${message} (${field})` };
    }),
    ...rest,
  };
}
