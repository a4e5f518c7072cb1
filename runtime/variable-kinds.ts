import { isIP, isIPv4 } from 'node:net';
import { z } from 'zod';
import { OPEN_TO_NETWORK } from '#runtime/exposure.ts';

// What a variable may be. Each says what was expected in words that follow "expected".

export const port = z.coerce
  .number('a port number')
  .int('a port number')
  .min(0, 'a port number')
  .max(65_535, 'a port number');
export const positiveInteger = (what: string): z.ZodCoercedNumber =>
  z.coerce.number(what).int(what).positive(what) as z.ZodCoercedNumber;
export const text = (what: string): z.ZodString => z.string(what).trim().min(1, what);
export const flag = z.enum(['true', 'false'], '"true" or "false"').transform((word) => word === 'true');
export const openToNetwork = z.literal(OPEN_TO_NETWORK, `"${OPEN_TO_NETWORK}"`);
export const list = (what: string) =>
  text(`a list of ${what}, separated by commas`).transform((words) =>
    words
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== ''),
  );
/** `10.0.0.7`, `10.1.2.0/24`, `fd00:7::/64` */
export const isAddressOrNetwork = (text: string): boolean => {
  const [, address = '', bits = '1'] = /^([^/%]*)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  // Of 0 bits would be everybody.
  return isIP(address) !== 0 && Number(bits) >= 1 && Number(bits) <= (isIPv4(address) ? 32 : 128);
};
export const isHttpUrl = (address: string): boolean => /^https?:$/.test(URL.parse(address)?.protocol ?? '');
export const topicName = z
  .string()
  .regex(/^[A-Za-z0-9._-]{1,249}$/, 'a Kafka topic name: letters, digits, ". _ -"');
const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
};
export const timeZone = text('a time zone such as Europe/Berlin').refine(
  isTimeZone,
  'a time zone such as Europe/Berlin',
);
export const brokerList = text('a list "host:port,host:port"')
  .transform((list) => list.split(',').map((broker) => broker.trim()))
  .refine(
    (brokers) => brokers.every((broker) => /^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/.test(broker)),
    'a list "host:port,host:port"',
  );

/** A whole number within bounds. */
export const wholeFrom = (min: number, max: number) => {
  const what = `a whole number from ${min} to ${max}`;
  return z.coerce.number(what).int(what).min(min, what).max(max, what);
};
/** A number within bounds, fractions allowed. */
export const numberFrom = (min: number, max: number) => {
  const what = `a number from ${min} to ${max}`;
  return z.coerce.number(what).min(min, what).max(max, what);
};
