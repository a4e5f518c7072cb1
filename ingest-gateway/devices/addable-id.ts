import { isDeviceId } from '#contract/device-topic.ts';

/**
 * Why no device should be called like that, `undefined` when it may be. Some are device ids all the same, and connect where
 * they are in the file: but a name without a letter or digit is a slip of the hand, one that begins with `-` is taken for an
 * option by every command, and the properties of objects have surprised many a program that reads what we write.
 */
export function whyNotAddable(id: string): string | undefined {
  if (id === '-') return '"-" is no device: --from - reads a list from standard input';
  if (!isDeviceId(id)) return `not a device id: ${JSON.stringify(id)} (1–64 of A-Z a-z 0-9 . _ : -)`;
  if (id.startsWith('-')) return `${JSON.stringify(id)} would be taken for an option by every command`;
  if (!/[A-Za-z0-9]/.test(id)) return `${JSON.stringify(id)} has no letter and no digit`;
  if (id in {}) return `${JSON.stringify(id)} is a property of every JavaScript object: choose another name`;
  return undefined;
}
