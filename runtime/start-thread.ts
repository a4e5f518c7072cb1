import { setFlagsFromString } from 'node:v8';
import { Worker, type WorkerOptions } from 'node:worker_threads';

// Each thread strips the types of its files by WebAssembly, which calls into JavaScript. After the thousandth call V8 compiles a
// wrapper for such calls, which it shares among all threads of the process; when threads come and go it may free one that
// it has freed already, and ends the process (SIGTRAP, "Check failed: jit_page.has_value()", nodejs/node issue 64500). The
// wrapper that is there from the beginning does the same, a little slower. It is as many calls as this flag takes.
setFlagsFromString('--wasm-wrapper-tiering-budget=2147483647');

/**
 * Every thread of ours begins here.
 *
 * @param entry its first file. It gets none of the flags of the process: some (`--eval`'s) would keep it from starting.
 */
export function startThread(
  entry: URL,
  options: Pick<WorkerOptions, 'name' | 'workerData' | 'resourceLimits'>,
): Worker {
  return new Worker(entry, { execArgv: [], ...options });
}
