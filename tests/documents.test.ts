import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { describe, expect, it } from 'vitest';
import { documentPath, generatedDocuments } from '#docs/generate/documents.ts';

const documents = await generatedDocuments();

describe('generated documents', () => {
  it.each([...documents])('%s is in step with the code (else: npm run docs)', (name, content) => {
    expect(readFileSync(documentPath(name), 'utf8')).toBe(content);
  });

  it('asyncapi.yaml is valid AsyncAPI 3', async () => {
    const { document, diagnostics } = await new Parser().parse(
      readFileSync(documentPath('docs/asyncapi.yaml'), 'utf8'),
    );
    expect(
      diagnostics.filter((it) => it.severity === 0).map((it) => `${it.path.join('.')}: ${it.message}`),
    ).toEqual([]);
    expect(document?.version()).toBe('3.0.0');
  });
});
