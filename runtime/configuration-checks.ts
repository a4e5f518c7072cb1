import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:net';
import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { describeError, PipelineError } from '#runtime/errors.ts';
import { makeFolder } from '#runtime/make-folder.ts';
import type { Settings } from '#runtime/settings.ts';
import type { VariableName } from '#runtime/variables.ts';

/**
 * For a process that shares its log with others, which only Kafka lets it do.
 *
 * @param why completes "expected a list of brokers, because …"
 */
export function needsKafka(why: string): ConfigurationCheck {
  return {
    variables: ['KAFKA_BROKERS'],
    run({ settings }) {
      if (settings.kafka !== undefined) return;
      throw new PipelineError(
        'configuration',
        `KAFKA_BROKERS: expected a list "host:port,host:port", because ${why}`,
      );
    },
  };
}

/** The folder of the embedded log or store can be made and written. */
export const dataFolderUsable: ConfigurationCheck = {
  ofThisMachine: true,
  variables: ['DATA_DIR', 'KAFKA_BROKERS', 'INFLUX_URL'],
  run({ settings }) {
    const { dataDir, kafka, influx } = settings;
    if (kafka !== undefined && influx !== undefined) return;
    try {
      makeFolder(dataDir);
      accessSync(dataDir, constants.W_OK | constants.X_OK);
    } catch (cause) {
      const why = describeError(cause);
      throw new PipelineError('configuration', `DATA_DIR: expected a folder that can be written: ${why}`, {
        cause,
      });
    }
  },
};

/**
 * Finds out now what listening would find out later, when other problems may have hidden it.
 *
 * @param address of the listener; no port = there will be none.
 */
export function portFree(
  host: VariableName,
  variable: VariableName,
  address: (settings: Settings) => { readonly host: string; readonly port: number | undefined },
): ConfigurationCheck {
  return {
    ofThisMachine: true,
    variables: [host, variable],
    async run({ settings }) {
      const { host: interfaceName, port } = address(settings);
      if (port !== undefined) await assertPortFree(variable, interfaceName, port);
    },
  };
}

/** @param fallback the port of this process when `HTTP_PORT` does not say another. */
export function httpPortFree(fallback: number): ConfigurationCheck {
  return portFree('HTTP_HOST', 'HTTP_PORT', ({ http }) => ({ host: http.host, port: http.port ?? fallback }));
}

async function assertPortFree(variable: string, host: string, port: number): Promise<void> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.once('error', listening.reject).listen(port, host, listening.resolve);
  try {
    await listening.promise;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? 'is in use' : String(error);
    throw new PipelineError('configuration', `${variable}: port ${port} on ${host} ${reason}`, {
      cause: error,
    });
  } finally {
    server.close();
  }
}
