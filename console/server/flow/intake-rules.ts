import { DAY, duration, MINUTE, type ProblemRule, percent, plural, ratio } from './problem-rule.ts';

/** About devices, what they send, and the gateways that take it. */
export const INTAKE_RULES: readonly ProblemRule[] = [
  {
    name: 'MqttSourceDown',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: (now) =>
      (now.mean('source', 2 * MINUTE) ?? 1) < 0.5
        ? 'A broker that readings come from does not give us all that it has.'
        : undefined,
  },
  {
    name: 'ClockDisagrees',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const off = samples
        .of('ingest_devices_off_clock')
        .find(
          ({ value }) => value >= 3 && value > 0.5 * (samples.max('ingest_connected_devices') ?? Infinity),
        );
      return (
        off &&
        `${plural(off.value, 'device')} are ${off.labels['direction']} of this machine's clock, which is most likely wrong.`
      );
    },
  },
  {
    name: 'FileDescriptorsRunningOut',
    severity: 'critical',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const used = ratio(samples.max('process_open_fds'), samples.max('process_max_fds'));
      return used > 0.8
        ? `${percent(used)} of the file descriptors are used; without one left nobody can connect.`
        : undefined;
    },
  },
  {
    name: 'DeadLetterRateHigh',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'all',
    holds: (now) => {
      const letters = now.rate('letters', 5 * MINUTE);
      const decoded = now.rate('decoded', 5 * MINUTE);
      return letters > 0.05 * decoded && letters > 0.02
        ? `${letters < 1 ? letters.toFixed(2) : Math.round(letters).toLocaleString('en')} readings a second are refused, ${percent(ratio(letters, decoded))} of all: a firmware or a schema has changed.`
        : undefined;
    },
  },
  {
    name: 'IngestBackpressure',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'each',
    holds: (now) => {
      const paused = now.mean('paused', 2 * MINUTE) ?? 0;
      return paused > 0.5
        ? `${plural(Math.max(1, Math.round(paused)), 'device')} are slowed down: they publish faster than the log takes it, or than one device may.`
        : undefined;
    },
  },
  {
    name: 'DevicesGone',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'all',
    holds: (now) => {
      const connected = now.samples.sum('ingest_connected_devices');
      const usual = now.quantile('connected', 0.9, 60 * MINUTE) ?? 0;
      return connected !== undefined && usual >= 10 && connected < 0.5 * usual
        ? `Only ${plural(connected, 'device')} are connected, less than half of the last hour (${Math.round(usual)}).`
        : undefined;
    },
  },
  {
    name: 'DeviceRefused',
    severity: 'warning',
    forMs: 2 * MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const devices = samples.sum('ingest_devices_refused') ?? 0;
      return devices > 0
        ? `Most readings of ${plural(devices, 'device')} are refused, for minutes: of them little or nothing is stored.`
        : undefined;
    },
  },
  {
    name: 'DeviceSilent',
    severity: 'warning',
    forMs: 5 * MINUTE,
    of: 'all',
    holds: ({ samples }) => {
      const silent =
        (samples.max('ingest_devices_known') ?? 0) -
        (samples.sum('ingest_devices_known') ?? 0) +
        (samples.sum('ingest_devices_silent') ?? 0);
      return silent > 0 ? `${plural(silent, 'device')} sent nothing for longer than they should.` : undefined;
    },
  },
  {
    name: 'FilesUnusable',
    severity: 'warning',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const unusable = samples.of('ingest_files_usable').find(({ value }) => value === 0)?.labels['kind'];
      const what = samples.min('contract_files_usable') === 0 ? 'schemas or mappings' : unusable;
      return what === undefined
        ? undefined
        : `The files of ${what} cannot be used as they are now; what they said before is in force, and a restart would fail.`;
    },
  },
  {
    name: 'ClockJumped',
    severity: 'warning',
    forMs: MINUTE,
    of: 'each',
    holds: ({ samples }) => {
      const jump = (since: string): number => Math.abs(samples.sum('clock_jump_seconds', { since }) ?? 0);
      const seconds =
        jump('running') > 300 ? jump('running') : jump('stopped') > 86_400 ? jump('stopped') : 0;
      if (seconds > 0)
        return `This machine's clock differs by ${duration(seconds)} from the time that was seen to pass.`;
      const fromBrokers = samples.of('event_log_clock_ahead_seconds').map(({ value }) => Math.abs(value));
      const most = Math.max(0, ...fromBrokers);
      return most > 300
        ? `This machine's clock differs by ${duration(most)} from that of a broker.`
        : undefined;
    },
  },
  {
    name: 'TlsCertificateExpiring',
    severity: 'warning',
    forMs: 10 * MINUTE,
    of: 'each',
    holds: ({ samples, at }) => {
      const expiry = samples.min('ingest_tls_certificate_expiry_timestamp_seconds');
      return expiry !== undefined && expiry * 1000 - at < 14 * DAY
        ? `A TLS certificate expires in ${duration(expiry - at / 1000)}; from then on devices cannot connect over TLS.`
        : undefined;
    },
  },
];
