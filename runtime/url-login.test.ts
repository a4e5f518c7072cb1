import { expect, test } from 'vitest';
import { withoutLogin } from '#runtime/url-login.ts';

test.each([
  ['http://g:8080/a', 'http://g:8080/a', undefined],
  ['http://u:secret@g:8080/a', 'http://g:8080/a', 'u:secret'],
  ['http://:secret@g', 'http://g/', ':secret'],
  ['http://token@g', 'http://g/', 'token:'],
  ['http://u:a%40b%zz@g', 'http://g/', 'u:a@b%zz'],
  ['http:u:secret@g', 'http://g/', 'u:secret'],
])('%s is %s with the login %s', (url, shown, login) => {
  const { address, authorization } = withoutLogin(url);
  expect(address.href).toBe(shown);
  expect(authorization).toBe(
    login === undefined ? undefined : `Basic ${Buffer.from(login).toString('base64')}`,
  );
});
