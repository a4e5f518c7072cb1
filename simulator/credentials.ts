import { isDeviceId } from '#contract/device-topic.ts';
import { PipelineError } from '#runtime/errors.ts';
import type { DeviceIdentity } from './fleet-options.ts';

/**
 * Reads the passwords of devices: one device a line, `ID PASSWORD`; empty lines and lines that start with `#` are left
 * out. (The gateway's own file holds hashes, from which nobody can log in.)
 *
 * @throws PipelineError `usage` naming each line that is not like that, never its content.
 */
export function parseCredentials(text: string): readonly DeviceIdentity[] {
  const problems: string[] = [];
  const identities = new Map<string, DeviceIdentity>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [, id = '', password = ''] = /^(\S+)\s+(.+)$/.exec(line) ?? [];
    if (!isDeviceId(id) || password === '') problems.push(`line ${index + 1}: expected "DEVICE-ID PASSWORD"`);
    else if (identities.has(id)) problems.push(`line ${index + 1}: the device is in the file twice`);
    else identities.set(id, { id, password });
  }
  if (problems.length === 0 && identities.size === 0) problems.push('it names no devices');
  if (problems.length > 0) {
    throw new PipelineError('usage', problems.map((problem) => `--credentials: ${problem}`).join('\n'));
  }
  return [...identities.values()];
}
