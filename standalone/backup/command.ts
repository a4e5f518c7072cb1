import path from 'node:path';
import { Command } from 'commander';
import { auditCommand } from '#runtime/audit-log.ts';
import { addExamples } from '#runtime/command-help.ts';
import { type CommandIo, runCommand } from '#runtime/command-line.ts';
import { settingsOfCommand } from '#runtime/command-settings.ts';
import { counted } from '#runtime/counted.ts';
import { createProgressDisplay } from '#runtime/progress-display.ts';
import type { Settings } from '#runtime/settings.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import type { Manifest } from './manifest.ts';
import { restoreBackup } from './restore-backup.ts';
import { takeBackup } from './take-backup.ts';

/**
 * `npm run backup` and `npm run restore`: the whole command lines. Neither listens for signals: what is interrupted leaves
 * nothing that looks whole.
 *
 * @param now wall clock, milliseconds since the epoch
 * @returns the exit code
 */
export async function runBackup(io: CommandIo, now: () => number): Promise<number> {
  const program = addExamples(new Command('backup'), '--to /backups/2026-01-31')
    .description(
      'Copies the embedded log and store of DATA_DIR, while the pipeline runs, so that they fit together: what was\n' +
        'acknowledged before is in the copy. Nothing else is: configuration, credentials, bans, certificates are yours to save.\n' +
        'docs/repair.md',
    )
    .requiredOption('--to <folder>', 'a new folder')
    .option('--json', 'one JSON object')
    .action(async ({ to, json }: { to: string; json?: true }) => {
      const settings = settingsOfCommand(io);
      using progress = createProgressDisplay(io.stderr, json === true);
      const manifest = await takeBackup({
        settings,
        folder: path.resolve(to),
        now,
        onProgress: (what, done, total) =>
          progress.show(`copying the ${what}`, total === 0 ? 1 : done / total),
      });
      progress[Symbol.dispose]();
      auditCommand(io, 'backup', { to });
      io.stdout.write(
        json
          ? `${terminalJson(manifest)}\n`
          : `${path.resolve(to)}: ${contents(manifest)}\n${besides(settings)}`,
      );
    });
  return runCommand(program, io, { code: 0 });
}

export async function runRestore(io: CommandIo, now: () => number): Promise<number> {
  const program = addExamples(
    new Command('restore'),
    '--from /backups/2026-01-31 --check',
    '--from /backups/2026-01-31',
  )
    .description(
      'Puts a backup into DATA_DIR, for a pipeline that is stopped. Looks first whether the backup is whole and sound.\n' +
        'docs/repair.md',
    )
    .requiredOption('--from <folder>', 'of a backup')
    .option('--force', 'set files aside that are there already')
    .option('--check', 'look whether the backup is whole and sound, change nothing')
    .option('--json', 'one JSON object')
    .action(async (options: { from: string; force?: true; check?: true; json?: true }) => {
      const { dataDir } = settingsOfCommand(io);
      const { manifest, setAside } = await restoreBackup({
        dataDir,
        folder: path.resolve(options.from),
        force: options.force === true,
        checkOnly: options.check === true,
        now,
      });
      if (!options.check) auditCommand(io, 'restore', { from: options.from, takenAt: manifest.takenAt });
      const text = [
        options.check
          ? `Whole and sound: ${contents(manifest)}`
          : `Restored into ${path.resolve(dataDir)}: ${contents(manifest)}`,
        ...setAside.map((file) => `Set aside: ${file}`),
      ];
      io.stdout.write(options.json ? `${terminalJson({ ...manifest, setAside })}\n` : `${text.join('\n')}\n`);
    });
  return runCommand(program, io, { code: 0 });
}

function contents({ takenAt, files, log, store }: Manifest): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  const records = log.reduce((sum, { oldestOffset, endOffset }) => sum + endOffset - oldestOffset, 0);
  const points = Object.values(store ?? {}).reduce((sum, count) => sum + count, 0);
  const stored = store === undefined ? 'no store (it is not embedded)' : counted(points, 'point');
  return `as of ${takenAt}, ${counted(records, 'record')} in the log, ${stored}, ${counted(bytes, 'byte')}`;
}

/** What an operator must copy besides. */
function besides({ influx }: Settings): string {
  return influx === undefined
    ? ''
    : 'The store is in InfluxDB: copy it now, after the log (influx backup), so that they fit together.\n';
}
