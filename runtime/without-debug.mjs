// Preloaded where a service starts. mqtt-packet tells the package `debug` about each step with each packet, ten times a
// message, and although nobody listens, every call makes an array of its arguments: an eighth of all memory that a busy gateway
// took and gave back. So it gets a `debug` that is off for good, unless the operator has switched it on (DEBUG).
import { createRequire } from 'node:module';
import { isMainThread } from 'node:worker_threads';

if (isMainThread && !process.env.DEBUG) {
  const { resolve } = createRequire(import.meta.url);
  const require = createRequire(resolve('mqtt-packet'));
  const off = Object.assign(() => undefined, { enabled: false, extend: () => off });
  const file = require.resolve('debug');
  require(file);
  require.cache[file].exports = Object.assign(() => off, { enabled: () => false });
}
