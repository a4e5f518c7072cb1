import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';

/** Bytes of memory that this process may come to: of its container, or of the machine. */
export function usableMemory(): number {
  const constrained = constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
