import { expect, it } from 'vitest';
import { pathOf } from '#runtime/request-path.ts';

it.each([
  ['/', '/'],
  ['', '/'],
  ['/metrics?x=/y', '/metrics'],
  ['/%6detrics', '/metrics'],
  ['//metrics/', '/metrics'],
  ['/./x/../metrics', '/metrics'],
  ['/%2e%2e/metrics', '/metrics'],
  ['http://127.0.0.1:8080/metrics', '/metrics'],
  ['HTTP://host', '/'],
  ['/%zz/a', '/%zz/a'],
])('%j is %j', (url, path) => {
  expect(pathOf(url)).toBe(path);
});
