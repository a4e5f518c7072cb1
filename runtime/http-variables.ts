import { z } from 'zod';
import { isAddressOrNetwork, isHttpUrl, list, openToNetwork, port, text } from '#runtime/variable-kinds.ts';

/** The variables of HTTP and of the console, as part of `VARIABLES`. */
export const HTTP_VARIABLES = {
  HTTP_HOST: { schema: text('an address').default('127.0.0.1'), help: 'Address the HTTP server binds to.' },
  HTTP_PORT: {
    schema: port.optional(),
    help: 'Health, readiness, metrics, API. Default: standalone and gateway 8080, processors 8081, lag-monitor 8082, mqtt-source 8083.',
  },
  HTTP_TOKEN: {
    schema: text('a token of at least 16 characters').min(16, 'a token of at least 16 characters').optional(),
    help: 'Who asks must show it, as `Authorization: Bearer …` or as the password of any user; not for /healthz and /readyz. Required beyond loopback.',
    secret: true,
  },
  CONSOLE: {
    schema: z.enum(['on', 'off'], '"on" or "off"').default('on'),
    help: 'The page at `/` and the API under `/api/v1` of `npm start` and `npm run console`; `off` = neither.',
  },
  CONSOLE_PASSWORD: {
    schema: text('a password of at least 12 characters')
      .min(12, 'a password of at least 12 characters')
      .optional(),
    help: 'Opens the console: people log in with it, programs send it as `Authorization: Bearer …`. Guards everything under `/api`, not /metrics, /healthz and /readyz. Required beyond loopback; HTTP_TOKEN opens the console, too.',
    secret: true,
  },
  CONSOLE_TARGETS: {
    schema: list('addresses such as http://gateway-1:8080')
      .refine(
        (urls) => urls.every(isHttpUrl),
        'a list of addresses such as http://gateway-1:8080, separated by commas',
      )
      .optional(),
    help: 'HTTP addresses of the other processes that `npm run console` shows: gateways, processors, lag monitors, sources. They are asked with HTTP_TOKEN.',
  },
  HTTP_OPEN: {
    schema: openToNetwork.optional(),
    help: '`insecure-network-allowed` = HTTP may be reached from other machines without HTTP_TOKEN; not the console, which changes things (CONSOLE_PASSWORD, or CONSOLE=off).',
  },
  HTTP_ALLOWED_HOSTS: {
    schema: list('names').default([]),
    help: 'Names with a dot by which HTTP may be asked, separated by commas. Addresses, names without a dot and HTTP_HOST always may; others are refused, because a page of theirs may be behind the question.',
  },
  HTTP_TRUSTED_PROXIES: {
    schema: list('addresses and networks such as 10.0.0.7, 10.1.2.0/24')
      .refine(
        (proxies) => proxies.every(isAddressOrNetwork),
        'a list of addresses and networks such as 10.0.0.7, 10.1.2.0/24, separated by commas',
      )
      .default([]),
    help: 'Addresses and networks of the proxies in front of HTTP, separated by commas: who asks, and by which name, is then what they say (`X-Forwarded-For`, `X-Forwarded-Host`). Of all others these headers are ignored. Only proxies may have an address among these: whoever else has one can claim any address.',
  },
} as const;
