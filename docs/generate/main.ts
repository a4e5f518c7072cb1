import { writeFileSync } from 'node:fs';
import { documentPath, generatedDocuments } from './documents.ts';

for (const [name, content] of await generatedDocuments()) {
  writeFileSync(documentPath(name), content);
  process.stdout.write(`${name}\n`);
}
