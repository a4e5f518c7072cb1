/**
 * Names that a mapping may give to the measurement of its readings, for queries that are there already (Telegraf's
 * `mqtt_consumer`). Those that InfluxDB (`_…`) and SQLite (`sqlite_…`) keep for themselves are none.
 */
const NAME = /^(?!sqlite_)[A-Za-z][A-Za-z0-9_.:-]{0,63}$/i;

export function isMeasurementName(text: string): boolean {
  return NAME.test(text);
}
