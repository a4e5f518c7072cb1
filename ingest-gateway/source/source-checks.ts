import type { ConfigurationCheck } from '#runtime/configuration.ts';
import { readSourceTls } from './source-tls.ts';

/** What reading from a broker needs of files, told with all else that is wrong. */
export const SOURCE_CHECKS: readonly ConfigurationCheck[] = [
  {
    variables: [],
    run({ values }) {
      readSourceTls({
        caFile: values.MQTT_SOURCE_CA_FILE,
        certFile: values.MQTT_SOURCE_CERT_FILE,
        keyFile: values.MQTT_SOURCE_KEY_FILE,
      });
    },
  },
];
