// npm's `prepare`, with which `npm ci` ends: builds where that can be done. Plain JavaScript and no failure, because nothing
// needs what is built: without the development tools, or without room on the disk, everything runs from its sources.
try {
  await import('./main.ts');
} catch (error) {
  process.stderr.write(
    `Not built: ${error.message}\nCommands run from their sources, which takes longer to start and more memory; "npm run build" tries again.\n`,
  );
}
