import { classOf, memberNames } from './payload-class.ts';
import type { SeenTopic } from './seen-messages.ts';

/** Topics of one shape: `undefined` at a level that varies. */
export interface TopicShape {
  readonly levels: readonly (string | undefined)[];
  readonly topics: readonly SeenTopic[];
}

interface Leaf {
  readonly kind: string;
  readonly members: ReadonlySet<string>;
  readonly topics: SeenTopic[];
}

/** Level by level: what is below a name, and at the end what was seen there. */
interface Node {
  readonly children: Map<string | undefined, Node>;
  leaf: Leaf | undefined;
}

/** Share of the members that two payloads of one shape have in common. */
const ALIKE = 0.3;
/** Names of one level that are compared with each other; beyond, they vary for certain. */
const COMPARED = 100;
/** What cannot stand in a pattern as it is. */
const NO_LITERAL = /[{}+#]/;

/**
 * Groups topics by their shape. Topics of one depth make a tree; names of a level below which the same names, or alike
 * payloads, are found, vary: they become one branch. So two patterns differ at some level in a literal, or one is more
 * literal than the other there, and no topic is for both.
 */
export function topicShapes(topics: readonly SeenTopic[]): readonly TopicShape[] {
  const byDepth = new Map<number, Node>();
  for (const seen of topics) {
    const levels = seen.topic.split('/').map((level) => (NO_LITERAL.test(level) ? undefined : level));
    const root = byDepth.get(levels.length) ?? emptyNode();
    byDepth.set(levels.length, root);
    let node = root;
    for (const level of levels) {
      const child = node.children.get(level) ?? emptyNode();
      node.children.set(level, child);
      node = child;
    }
    node.leaf = joined(node.leaf, leafOf(seen));
  }
  return [...byDepth.values()].flatMap((root) => shapesBelow(varying(root, true), []));
}

function emptyNode(): Node {
  return { children: new Map(), leaf: undefined };
}

function leafOf(seen: SeenTopic): Leaf {
  const classes = seen.samples.map(({ payload }) => classOf(payload)).filter(({ kind }) => kind !== 'blank');
  const kinds = new Set(classes.map(({ kind }) => kind));
  const members = new Set<string>();
  for (const one of classes)
    if (one.kind === 'json') for (const name of memberNames(one.value)) members.add(name);
  return {
    kind: kinds.size === 1 ? [...kinds].join() : kinds.size === 0 ? 'blank' : 'mixed',
    members,
    topics: [seen],
  };
}

function joined(a: Leaf | undefined, b: Leaf | undefined): Leaf | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return {
    kind: a.kind === b.kind ? a.kind : 'mixed',
    members: new Set([...a.members, ...b.members]),
    topics: [...a.topics, ...b.topics],
  };
}

/** The tree with the branches made one whose names vary. */
function varying(node: Node, isRoot = false): Node {
  const groups: { names: (string | undefined)[]; node: Node; readonly fixed: boolean }[] = [];
  for (const [name, child] of node.children) {
    const below = varying(child);
    // MQTT 4.7.2-1: nothing but itself stands for a first level that begins with $.
    const fixed = isRoot && name?.startsWith('$') === true;
    const group =
      groups.slice(0, COMPARED).find((known) => !known.fixed && !fixed && areAlike(known.node, below)) ??
      (groups.length >= COMPARED && !fixed ? groups.find((known) => !known.fixed) : undefined);
    if (group === undefined) groups.push({ names: [name], node: below, fixed });
    else {
      group.names.push(name);
      group.node = varying(merged(group.node, below));
    }
  }
  const result: Node = { children: new Map(), leaf: node.leaf };
  for (const { names, node: child } of groups) {
    const name = names.length === 1 ? names[0] : undefined;
    const other = result.children.get(name);
    result.children.set(name, other === undefined ? child : merged(other, child));
  }
  return result;
}

function merged(a: Node, b: Node): Node {
  const children = new Map(a.children);
  for (const [name, child] of b.children) {
    const other = children.get(name);
    children.set(name, other === undefined ? child : merged(other, child));
  }
  return { children, leaf: joined(a.leaf, b.leaf) };
}

/** Whether the same thing seems to stand below two names of a level. */
function areAlike(a: Node, b: Node): boolean {
  if (a.leaf !== undefined && b.leaf !== undefined) return areAlikeLeaves(a.leaf, b.leaf);
  for (const [name, child] of a.children) {
    const other = b.children.get(name);
    if (other !== undefined && areAlike(child, other)) return true;
  }
  const [onlyA] = a.children.values();
  const [onlyB] = b.children.values();
  if (a.children.size !== 1 || b.children.size !== 1) return false;
  return onlyA !== undefined && onlyB !== undefined && areAlike(onlyA, onlyB);
}

function areAlikeLeaves(a: Leaf, b: Leaf): boolean {
  if (a.kind !== b.kind) return false;
  if (a.kind !== 'json') return true;
  const common = [...a.members].filter((name) => b.members.has(name)).length;
  return common / (a.members.size + b.members.size - common) >= ALIKE;
}

function shapesBelow(node: Node, levels: readonly (string | undefined)[]): TopicShape[] {
  const own = node.leaf === undefined ? [] : [{ levels, topics: node.leaf.topics }];
  return [...own, ...[...node.children].flatMap(([name, child]) => shapesBelow(child, [...levels, name]))];
}
