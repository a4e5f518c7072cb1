import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { ATTACKS } from './attacks/all.ts';

const DOCUMENT = path.join(import.meta.dirname, '..', '..', 'docs', 'security-drill.md');

it('docs/security-drill.md has a row for each attack, in their order (else: npm run security-drill -- --write)', () => {
  const rows = readFileSync(DOCUMENT, 'utf8').split('\n').slice(0, -1);
  const table = rows.slice(rows.indexOf('|---|---|---|---|---|---|') + 1).map((row) => row.split(' | '));
  expect(table.map(([what, , , , seenIn]) => [what?.slice(2), seenIn?.replace(/ \+\d+$/, '')])).toEqual(
    ATTACKS.map(({ what, seenIn }) => [what, `\`${seenIn}\``]),
  );
});
