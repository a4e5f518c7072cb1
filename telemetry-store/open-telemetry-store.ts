import type { Deps } from '#runtime/deps.ts';
import type { Settings } from '#runtime/settings.ts';
import type { TelemetryStore } from '#telemetry-store/telemetry-store.ts';

/**
 * Opens the store that the settings name: InfluxDB with `INFLUX_URL`, else the embedded one in `DATA_DIR`. Each driver
 * is loaded only when it is used.
 *
 * @param role as of `openEventLog`; `guest`: who writes beside the process that owns the embedded files.
 * @throws PipelineError `configuration` (embedded: unusable files). An InfluxDB that is away is no error.
 */
export async function openTelemetryStore(
  settings: Settings,
  role: 'owner' | 'guest' | 'beside',
  deps: Deps,
): Promise<TelemetryStore> {
  if (settings.influx !== undefined) {
    const { openInfluxTelemetryStore } = await import('#telemetry-store/influxdb/influx-telemetry-store.ts');
    return openInfluxTelemetryStore(settings.influx, deps);
  }
  const { openEmbeddedTelemetryStore } = await import(
    '#telemetry-store/embedded/embedded-telemetry-store.ts'
  );
  const { dataDir, storeRetentionDays: retentionDays, clockConfirmedMs } = settings;
  return openEmbeddedTelemetryStore({ dataDir, role, retentionDays, clockConfirmedMs }, deps);
}
