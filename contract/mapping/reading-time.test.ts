import { describe, expect, it } from 'vitest';
import { compileReadingTime } from '#contract/mapping/reading-time.ts';
import { Unfit } from '#contract/mapping/scope.ts';
import { CONTEXT, placeWithProblems, RECEIVED_AT, scopeOf } from '#contract/mapping/testing/map-one.ts';

function time(spec: unknown, value: unknown): string {
  const { at, problems } = placeWithProblems();
  const compiled = compileReadingTime(spec, at, CONTEXT);
  expect(problems).toEqual([]);
  const found = compiled?.read(scopeOf(value));
  if (found instanceof Unfit) return `unfit: ${found.message}`;
  return found === RECEIVED_AT ? 'received' : new Date(found ?? 0).toISOString();
}

const at = (format: string, more: object = {}) => ({ at: '', format, ...more });
const MOMENT = '2026-11-20T10:00:00.165Z';

describe('times of readings', () => {
  it.each<[unknown, unknown, string]>([
    ['received', 0, 'received'],
    [at('ms'), 1795168800165, MOMENT],
    [at('ms'), '1795168800165', MOMENT],
    [at('s'), 1795168800.165, MOMENT],
    [at('s'), '1795168800', '2026-11-20T10:00:00.000Z'],
    [at('us'), 1795168800165999, MOMENT],
    [at('ns'), '1795168800165999999', MOMENT],
    [at('ns'), '1795168800000000000', '2026-11-20T10:00:00.000Z'],
    [at('epoch'), 1795168800, '2026-11-20T10:00:00.000Z'],
    [at('epoch'), '1795168800.165', MOMENT],
    [at('epoch'), 1795168800165, MOMENT],
    [at('epoch'), '1795168800165999', MOMENT],
    [at('epoch'), '1795168800165999999', MOMENT],
    [at('epoch', { else: 'received' }), 13, 'received'],
    [at('iso'), '2026-11-20T10:00:00.1655581Z', MOMENT],
    [{ at: '', format: ['ms', 'iso'], zone: 'UTC' }, 1795168800165, MOMENT],
    [{ at: '', format: ['ms', 'iso'], zone: 'UTC' }, '2026-11-20T10:00:00.165', MOMENT],
    [
      { at: '', format: ['ms', 'iso'], zone: 'UTC' },
      'soon',
      'unfit: is no time of the format that the mapping says',
    ],
    [at('iso'), '2026-11-20 18:00:00.165 +0800', MOMENT],
    [at('iso'), '2026-11-20T11:00:00,165+01', MOMENT],
    [at('iso', { zone: 'Europe/Berlin' }), '2026-11-20T11:00:00.165', MOMENT],
    [at('iso', { zone: 'site' }), '2026-11-20T11:00', '2026-11-20T10:00:00.000Z'],
    [at('iso', { zone: 'UTC' }), '2026-11-20', '2026-11-20T00:00:00.000Z'],
    [at('iso'), '2026-06-30T23:59:60Z', '2026-07-01T00:00:00.000Z'],
    [at('dd/MM/yyyy HH:mm:ss', { zone: 'Europe/Berlin' }), '20/11/2026 11:00:00', '2026-11-20T10:00:00.000Z'],
    [at("yyMMddHHmmss'W'", { zone: 'Europe/Amsterdam' }), '261120110000W', '2026-11-20T10:00:00.000Z'],
    [at('yyMMddHHmmss?', { zone: 'Europe/Amsterdam' }), '260720120000S', '2026-07-20T10:00:00.000Z'],
    [at('MMM d yyyy h:mm a', { zone: 'UTC' }), 'Nov 20 2026 12:05 AM', '2026-11-20T00:05:00.000Z'],
    [at('MMM d yyyy h:mm a', { zone: 'UTC' }), 'nov 2 2026 1:05 pm', '2026-11-02T13:05:00.000Z'],
    [at("yyyyMMdd'T'HHmmss.SSSXXX"), '20261120T100000.165+00:00', MOMENT],
    [at('yyyyMMddHHmmss', { zone: 'UTC' }), 20261120100000, '2026-11-20T10:00:00.000Z'],
    [at('EEEE, d MMMM yyyy', { zone: 'UTC' }), 'Friday, 20 November 2026', '2026-11-20T00:00:00.000Z'],
    [
      { at: { join: ['/d', '/t'], with: ' ' }, format: 'dd.MM.yy HH:mm', zone: 'site' },
      { d: '20.11.26', t: '11:00' },
      '2026-11-20T10:00:00.000Z',
    ],
    [{ at: '/t0', format: 'iso', plus: '/dt' }, { t0: '2026-11-20T10:00:00Z', dt: 165 }, MOMENT],
    [{ at: '/t0', format: 's', plus: { at: '/dt', times: 1000 } }, { t0: 1795168805, dt: '-4.8351' }, MOMENT],
    [{ at: '/t0', format: 's', else: 'received', plus: '/dt' }, { dt: -4835 }, MOMENT],
    [at('s', { else: 'received' }), 1.61, 'received'],
    [at('s', { else: 'received' }), null, 'received'],
    [at('s', { else: 'received' }), '', 'received'],
    [at('iso', { else: 'received' }), '1970-01-01T00:00:13Z', 'received'],
    [at('s'), 1.61, '1970-01-01T00:00:01.610Z'],
    [{ at: { at: '', split: ' ', index: 1 }, format: 's' }, 't= 1795168800', '2026-11-20T10:00:00.000Z'],
  ])('%j of %j', (spec, value, expected) => {
    expect(time(spec, value)).toBe(expected);
  });

  it.each<[unknown, unknown, string]>([
    [at('s'), undefined, 'the time is missing'],
    [at('s', { else: 'received' }), 'yesterday', 'must be a number'],
    [at('ms'), true, 'must be a number'],
    [at('epoch'), 'soon', 'must be a number'],
    [at('epoch'), {}, 'must be a number'],
    [{ at: '/t', format: 's', plus: '/dt' }, { t: 1795168800 }, 'what is added to the time is missing'],
    [{ at: '/t', format: 's', plus: '/dt' }, { t: 1795168800, dt: 'x' }, 'must be a number'],
    [at('d MMMM yyyy', { zone: 'UTC' }), '20 Nov 2026', 'is no time'],
    [at('iso'), 'yesterday', 'is no time'],
    [at('iso'), '2026-02-30T00:00:00Z', 'is no time'],
    [at('iso'), '2026-11-20T25:00:00Z', 'is no time'],
    [at('iso'), '2026-11-20T11:00:00', 'no "zone"'],
    [at('iso'), 1795168800, 'must be a text'],
    [at('iso'), `2026-11-20T10:00:00.${'1'.repeat(60)}Z`, 'must be a text'],
    [at('dd/MM/yyyy', { zone: 'UTC' }), '20/13/2026', 'is no time'],
  ])('[P10] %j of %j is told', (spec, value, why) => {
    expect(time(spec, value)).toContain(why);
  });

  it.each<[unknown, string]>([
    [undefined, 'is missing'],
    ['now', 'must be an object'],
    [{ at: '/t' }, 'must be s, ms, us, ns, epoch, iso or a pattern'],
    [{ at: '/t', format: 'HH:mm' }, 'has no y'],
    [{ at: '/t', format: 'yyyy-MM-dd UTC' }, 'no known letters'],
    [{ at: '/t', format: 'ms', zone: 'UTC' }, 'an epoch has no zone'],
    [{ at: '/t', format: 'iso', zone: 'Berlin' }, 'is no time zone'],
    [{ at: '/t', format: 'iso', else: 'now' }, 'must be "received"'],
    [{ at: '/t', format: 's', plus: 'dt' }, '"dt" is no source'],
    [{ at: '/t', fromat: 'iso' }, 'unknown property'],
  ])('[P10] refuses %j', (spec, why) => {
    const { at: place, problems } = placeWithProblems();
    compileReadingTime(spec, place, CONTEXT);
    expect(problems.join('\n')).toContain(why);
  });
});
