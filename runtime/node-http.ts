import { createRequire } from 'node:module';

/** `node:http`, required: an `import` reads all that it exports, and so loads `fetch` and `WebSocket`, 13 MiB that nobody here asks it for. */
export const nodeHttp = createRequire(import.meta.url)('node:http') as typeof import('node:http');
