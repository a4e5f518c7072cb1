// Loaded before any TypeScript (`node --import`). Plain JavaScript, because an older Node cannot even parse the
// entry files: without this the user would see ERR_UNKNOWN_FILE_EXTENSION instead of what to do about it.
const major = Number(process.versions.node.split('.')[0]);
if (major !== 24) {
  process.stderr.write(
    `This pipeline needs Node 24, found ${process.version} at ${process.execPath}.\n` +
      'The right one is part of the project: run "npm ci" once, then start everything through "npm start" or ' +
      '"npm run …", which use it whatever Node the machine has.\n',
  );
  process.exit(2);
}
