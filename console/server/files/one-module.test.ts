import { expect, it } from 'vitest';
import { oneModule } from './one-module.ts';

const run = (script: string) => import(`data:text/javascript,${encodeURIComponent(script)}`);
const told = globalThis as unknown as { told: unknown };

it('does what the modules did, each once, in the order in which they need each other', async () => {
  const modules = new Map([
    [
      '/main',
      `import { join as joined } from 'node:path';` +
        `\nimport url from 'node:url';\nimport {\n  twice,\n  One as Uno,\n} from '/a';\nimport * as b from '/b';\nglobalThis.told = [joined('a', 'b'), typeof url.parse, twice(2), new Uno().x, b.count()];`,
    ],
    [
      '/a',
      `import { count } from '/b';\nexport class One { x = count(); }\nexport const twice = (n) => 2 * n;`,
    ],
    ['/b', 'let calls = 0;\nexport function count() { return ++calls; }\nexport async function later() {}'],
  ]);
  const script = oneModule(modules, '/main');
  expect(script.match(/^import .*$/gm)).toHaveLength(2);
  await run(script);
  expect(told.told).toEqual(['a/b', 'function', 4, 1, 2]);
});

it.each([
  ["export { a } from '/b';", /^\/main: cannot be put together with others: export/],
  ['export default 1;', /cannot be put together/],
  ["import '/b';", /cannot be put together/],
  ["import { a } from '/main';", /^\/main needs itself$/],
])('refuses %s', (source, why) => {
  expect(() => oneModule(new Map([['/main', source]]), '/main')).toThrow(why);
});
