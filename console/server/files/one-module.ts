/** `export function f`, `export async function f`, `export const f`, `export class F` at the beginning of a line. */
const EXPORTED = /^export ((?:async )?(?:function|const|class) (\w+))/gm;
/** `import { a, b as c } from '…'`, `import d from '…'`, `import * as e from '…'`, over several lines, too. */
const IMPORTED = /^import\s+(?:\{([^}]*)\}|\* as (\w+)|(\w+))\s+from\s*['"]([^'"]+)['"];?/gm;
/** What would be left of other forms. */
const OTHER_FORM = /^\s*(?:import|export)\b.*/m;

/**
 * Modules as one, so that a browser asks once instead of for each: a function for each of them, in the order in which they need each
 * other, which gives what it exports. What is not among them stays an import of the whole. For the forms of import and export that
 * this repository is written in; names are exported once and for all, never assigned anew.
 *
 * @param modules without types, by the name that they import each other by
 * @throws Error another form, or modules that need each other
 */
export function oneModule(modules: ReadonlyMap<string, string>, entry: string): string {
  const outside = new Map<string, string>();
  const inside = new Map<string, string>();
  const parts: string[] = [];
  const begun = new Set<string>();

  const nameOf = (module: string): string => {
    const source = modules.get(module);
    if (source === undefined) {
      const known = outside.get(module) ?? `$outside${outside.size}`;
      outside.set(module, known);
      return known;
    }
    const known = inside.get(module);
    if (known !== undefined) return known;
    if (begun.has(module)) throw new Error(`${module} needs itself`);
    begun.add(module);
    const body = bodyOf(module, source);
    const name = `$${inside.size}`;
    inside.set(module, name);
    parts.push(`// ${module}\nconst ${name} = (() => {\n${body}\n})();\n`);
    return name;
  };

  const bodyOf = (module: string, source: string): string => {
    const imported = source.replace(IMPORTED, (_, names, all, fallback, from) => {
      const given = nameOf(from);
      if (all !== undefined) return `const ${all} = ${given};`;
      return `const { ${fallback === undefined ? renamed(names) : `default: ${fallback}`} } = ${given};`;
    });
    const exports = [...imported.matchAll(EXPORTED)].map(([, , name]) => name);
    const body = imported.replace(EXPORTED, '$1');
    const strange = OTHER_FORM.exec(body)?.[0];
    if (strange !== undefined) throw new Error(`${module}: cannot be put together with others: ${strange}`);
    return `${body.trim()}\nreturn { ${exports.join(', ')} };`;
  };

  nameOf(entry);
  const imports = [...outside].map(([from, name]) => `import * as ${name} from '${from}';\n`);
  return imports.join('') + parts.join('');
}

/** `a, b as c` as a pattern: `a, b: c` */
function renamed(names: string): string {
  return names
    .split(',')
    .map((name) => name.trim().replace(/\s+as\s+/, ': '))
    .filter((name) => name !== '')
    .join(', ');
}
