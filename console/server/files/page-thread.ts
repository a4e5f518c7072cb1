import { parentPort } from 'node:worker_threads';
import { readPageFiles } from './page-files.ts';

// Entry of the thread that prepares the page, and ends: what strips types and compresses would stay with the process, 35 MiB.

parentPort?.postMessage(await readPageFiles());
