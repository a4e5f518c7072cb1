import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Command } from 'commander';
import { Registry } from 'prom-client';
import { choosePorts } from '#runtime/choose-ports.ts';
import { addExamples } from '#runtime/command-help.ts';
import { runCommand } from '#runtime/command-line.ts';
import { loadSchemas } from '#runtime/load-schemas.ts';
import { createLogger } from '#runtime/logger.ts';
import { processIo } from '#runtime/process-io.ts';
import { readSettings } from '#runtime/settings.ts';
import { terminalJson } from '#runtime/terminal-text.ts';
import { LiveStatus } from '#standalone/status-line.ts';
import { runDemo } from './demo.ts';

const io = processIo(process);
const outcome: { code: 0 | 1 } = { code: 0 };
const program = addExamples(new Command('demo'), '', '--json')
  .description(
    'The promise in a minute: a fleet publishes, bursts, the pipeline is killed with SIGKILL and started again, and the books close.\n' +
      'Uses free ports and a temporary folder, and nothing of your configuration.',
  )
  .option('--json', 'the books as one JSON object; the story is told on standard error')
  .action(async (options: { json?: boolean }) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'telemetry-demo-'));
    try {
      const [mqttPort, httpPort] = (await choosePorts([undefined, undefined])) as [number, number];
      const { settings } = readSettings({ DATA_DIR: folder, MQTT_PORT: String(mqttPort) }, () => '');
      let now = (): string => '';
      const teller = options.json ? io.stderr : io.stdout;
      using live = new LiveStatus(teller, () => now());
      const verification = await runDemo(
        {
          settings,
          httpPort,
          schemas: loadSchemas(),
          tell: (line) => live.write(`${line}\n`),
          meanwhile: (line) => {
            now = line;
          },
          signal: io.signal,
        },
        {
          log: createLogger({ name: 'demo', level: 'silent' }),
          metrics: new Registry(),
          now: Date.now,
          random: Math.random,
        },
      );
      live[Symbol.dispose]();
      if (verification.ok) teller.write('\nYours now: npm start -- --simulate 25\n');
      if (options.json) io.stdout.write(`${terminalJson(verification)}\n`);
      outcome.code = verification.ok ? 0 : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

process.exitCode = await runCommand(program, io, outcome);
