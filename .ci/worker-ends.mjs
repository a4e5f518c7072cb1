import { subscribe } from 'node:diagnostics_channel';

// A reporter that says how a process of the test runner ended that was not told to: vitest 4 says only that one did (5, which
// says more, refuses Node 20). It tells them to end by SIGTERM; on a busy machine one ends in order before that comes.

subscribe('child_process', ({ process: child }) => {
  child.once('exit', (code, signal) => {
    const isWorker = child.spawnargs.some((argument) => argument.endsWith('/workers/forks.js'));
    if (!isWorker || signal === 'SIGTERM') return;
    const how = code === 0 ? 'ended by itself' : 'exited unexpectedly';
    process.stderr.write(`a worker ${how}: code ${code}, signal ${signal}, pid ${child.pid}\n`);
  });
});

export default class WorkerEnds {}
