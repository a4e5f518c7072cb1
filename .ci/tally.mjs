import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

// usage: node tally.mjs PROJECT=EXIT_CODE=REPORT ...   (REPORT: as vitest's JSON reporter writes it)
// Says once more, at the end of a long log, what failed, and then the total.

let passed = 0;
let failed = 0;
for (const argument of process.argv.slice(2)) {
  const [project, code, file] = argument.split('=');
  const { numPassedTests = 0, testResults = [] } = read(file);
  const failures = testResults.flatMap(failuresOf);
  // An error outside of every test, or no report at all, is no failed test: it is told by the exit code.
  if (failures.length === 0 && code !== '0') failures.push(`vitest ended with exit code ${code}`);
  passed += numPassedTests;
  failed += failures.length;
  for (const failure of failures) process.stdout.write(`FAILED ${project} ${failure}\n`);
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return {};
  }
}

/** Tests that failed, and those of a file whose process died or whose set-up failed: they were never told to be over. */
function failuresOf({ name, status, message, assertionResults }) {
  const file = relative(process.cwd(), name);
  const bad = assertionResults.filter((test) => test.status === 'failed');
  const unfinished = assertionResults.filter((test) => test.status === 'pending');
  const told = bad.map((test) => `${file} > ${test.fullName}: ${firstLine(test.failureMessages[0])}`);
  if (bad.length > 0) return told;
  if (unfinished.length > 0)
    return [`${file}: ended before ${unfinished.map((test) => test.fullName).join('; ')}`];
  return status === 'failed' ? [`${file}: ${firstLine(message)}`] : [];
}

function firstLine(text = '') {
  return text.split('\n', 1)[0];
}
