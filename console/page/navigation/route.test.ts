import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deviceHref, letterHref, routeOf, schemaHref, traceHref, withQuery } from './route.ts';

function pathOf(href: string): string {
  return new URL(href, 'http://console').pathname;
}

describe('routes', () => {
  it.each([
    ['/', { page: 'flow' }],
    ['/devices', { page: 'devices' }],
    ['/devices/', { page: 'devices' }],
    ['/dead-letters/3-17', { page: 'letter', id: '3-17' }],
    ['/schemas/environment/1', { page: 'schema', id: 'environment/1' }],
    ['/nowhere', { page: 'nowhere' }],
    ['/devices/%E0%A4', { page: 'nowhere' }],
  ])('%s', (path, route) => expect(routeOf(path)).toEqual(route));

  it('every id, however it is written, is found again under its own address', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 64 }), (id) => {
        fc.pre(id.isWellFormed() && id !== '.' && id !== '..');
        expect(routeOf(pathOf(deviceHref(id)))).toEqual({ page: 'device', id });
        expect(routeOf(pathOf(letterHref(id)))).toEqual({ page: 'letter', id });
      }),
    );
  });

  it('a schema is one address, however its type is written', () => {
    expect(routeOf(pathOf(schemaHref('a b?/2')))).toEqual({ page: 'schema', id: 'a b?/2' });
  });

  it('a trace is asked for by number, or by time where there is none', () => {
    expect(traceHref('dev 1', { seq: 0, at: 5 })).toBe('/trace?device=dev+1&seq=0');
    expect(traceHref('dev-1', { seq: null, at: 5 })).toBe('/trace?device=dev-1&at=5');
    expect(traceHref('dev-1', {})).toBe('/trace?device=dev-1');
  });

  it('what is empty is left out of an address', () => {
    expect(withQuery('/devices', { search: '', sort: 'id', state: undefined, limit: 0 })).toBe(
      '/devices?sort=id&limit=0',
    );
  });
});
