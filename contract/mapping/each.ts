import { below, type CompileContext } from './compile-context.ts';
import { type Condition, compileCondition } from './condition.ts';
import { type FilePlace, isObject } from './file-place.ts';
import type { Scope, Source } from './scope.ts';
import { compileSource } from './source.ts';

/** One level of `each`: where its elements are found in the element above, and which of them count. */
export interface EachLevel {
  readonly source: Source;
  readonly when: Condition;
  /** Whether a source asks how many elements count; known when all of the reading is compiled. */
  readonly isCounted: () => boolean;
}

export interface CompiledEach {
  readonly levels: readonly EachLevel[];
  /** The context of the innermost elements. */
  readonly context: CompileContext;
}

/** Deeper nesting is not seen in the field; a bound for the recursion below. */
const MAX_LEVELS = 6;

/**
 * Compiles `each`: a source, or a list from outer to inner, each also `{"in": source, "when": {…}}`. Without it the
 * payload is the one element. No level looks above its own element, so that all levels together visit every part of a
 * payload at most once.
 */
export function compileEach(spec: unknown, at: FilePlace, outer: CompileContext): CompiledEach | undefined {
  if (spec === undefined) return { levels: [], context: outer };
  const specs = Array.isArray(spec) ? spec : [spec];
  if (specs.length === 0 || specs.length > MAX_LEVELS) return at.fault(`must have 1 to ${MAX_LEVELS} levels`);
  const levels: EachLevel[] = [];
  let context = outer;
  for (const [index, levelSpec] of specs.entries()) {
    const place = Array.isArray(spec) ? at.at(index) : at;
    const level = compileLevel(levelSpec, place, context);
    if (level === undefined) return undefined;
    levels.push(level.level);
    context = level.context;
  }
  return { levels, context };
}

function compileLevel(
  spec: unknown,
  at: FilePlace,
  outer: CompileContext,
): { readonly level: EachLevel; readonly context: CompileContext } | undefined {
  const long = isObject(spec) && 'in' in spec;
  const members = long ? at.object(spec, ['in', 'when']) : { in: spec, when: undefined };
  const found = compileElements(members?.in, long ? at.at('in') : at, outer);
  if (found === undefined) return undefined;
  const when = compileCondition(members?.when, at.at('when'), found.context);
  const depth = found.context.levels.length;
  if (found.context.counted.has(depth))
    return at.at('when').fault('{count} is what counts by this condition');
  const isCounted = (): boolean => found.context.counted.has(depth);
  return when && { level: { source: found.source, when, isCounted }, context: found.context };
}

/** A source of elements, and the context in which each of them is looked at. */
export function compileElements(
  spec: unknown,
  at: FilePlace,
  outer: CompileContext,
): { readonly source: Source; readonly context: CompileContext } | undefined {
  const source = compileSource(spec, at, { ...outer, mayLookUp: false });
  if (source === undefined) return undefined;
  if (typeof spec === 'string' && spec.startsWith('{')) return at.fault('must be a place in the payload');
  return { source, context: below(outer, typeof spec === 'string' ? spec : '') };
}

/** Calls `visit` with each innermost element in the scope; it ends the walk by returning false. */
export function forEachElement(levels: readonly EachLevel[], scope: Scope, visit: () => boolean): boolean {
  return descend(levels, 0, scope, visit);
}

function descend(levels: readonly EachLevel[], at: number, scope: Scope, visit: () => boolean): boolean {
  const level = levels[at];
  if (level === undefined) return visit();
  const { when } = level;
  const depth = at + 1;
  const container = level.source.read(scope);
  if (level.isCounted()) scope.counts[depth] = countOf(container, depth, scope, when);
  return forEachEntry(container, depth, scope, () => !when(scope) || descend(levels, depth, scope, visit));
}

function countOf(container: unknown, depth: number, scope: Scope, when: Condition): number {
  let count = 0;
  forEachEntry(container, depth, scope, () => {
    if (when(scope)) count++;
    return true;
  });
  return count;
}

/** Puts the elements of an array, or the members of an object, into the scope, one after the other. */
export function forEachEntry(container: unknown, depth: number, scope: Scope, visit: () => boolean): boolean {
  if (typeof container !== 'object' || container === null) return true;
  const { elements, keys } = scope;
  if (Array.isArray(container)) {
    for (let index = 0; index < container.length; index++) {
      keys[depth] = index;
      elements[depth] = container[index];
      scope.visited++;
      if (!visit()) return false;
    }
    return true;
  }
  for (const key of Object.keys(container)) {
    keys[depth] = key;
    elements[depth] = (container as Record<string, unknown>)[key];
    scope.visited++;
    if (!visit()) return false;
  }
  return true;
}
