import { writeFileSync } from 'node:fs';
import { documentPath, generatedDocuments } from './documents.ts';

for (const [name, content] of generatedDocuments()) {
  writeFileSync(documentPath(name), content);
  process.stdout.write(`${name}\n`);
}
