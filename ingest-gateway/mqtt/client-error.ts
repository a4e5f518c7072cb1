import type { RefusalReason } from '#ingest-gateway/refusal-reason.ts';
import { hasCode } from '#runtime/errors.ts';

/** Texts of aedes 1.2.0; its errors have no codes. */
const BY_MESSAGE: Readonly<Record<string, RefusalReason>> = {
  'connect did not arrive in time': 'connect-timeout',
  'drain timeout': 'slow-reader',
  'unacceptable protocol version': 'protocol-version',
  'internal error': 'internal-error',
};

/**
 * Why aedes ended a connection by itself; `undefined` when it was not the client's fault: the network's, or it just
 * went away.
 */
export function classifyClientError(error: Error & { readonly code?: unknown }): RefusalReason | undefined {
  if (hasCode(error, 'not-durable') || hasCode(error, 'closed')) return 'not-durable';
  if (typeof error.code === 'string' || error.message === 'connection closed') return undefined;
  // A WebSocket that is gone while we write to it; ws gives that no code.
  if (error.message.startsWith('WebSocket is not open')) return undefined;
  return BY_MESSAGE[error.message] ?? 'protocol-error';
}
