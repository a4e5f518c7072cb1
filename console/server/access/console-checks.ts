import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { PipelineError } from '#runtime/errors.ts';
import { OPEN_TO_NETWORK } from '#runtime/exposure.ts';
import { isLoopback } from '#runtime/loopback.ts';

/** The console changes things: no word allows that to everybody on a network. */
export const consoleProtected: ConfigurationCheck = {
  // Not HTTP_TOKEN: that it is missing is another problem, and this one goes with a password.
  variables: ['CONSOLE', 'CONSOLE_PASSWORD', 'HTTP_HOST'],
  run({ settings: { console, http } }) {
    if (!console.isOn || isLoopback(http.host) || http.password !== undefined || http.token !== undefined)
      return;
    throw new PipelineError(
      'configuration',
      `CONSOLE_PASSWORD: expected a password of at least 12 characters, because HTTP_HOST=${http.host} can be reached from other machines, and the console changes dead letters (CONSOLE=off switches it off; HTTP_OPEN=${OPEN_TO_NETWORK} does not open it)`,
    );
  },
};
