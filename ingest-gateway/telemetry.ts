import type { MqttVersion } from '#contract/mqtt-version.ts';
import type { RejectReason } from '#contract/reject-reason.ts';
import type { AuditTrail } from '#runtime/audit-log.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError, type PipelineError } from '#runtime/errors.ts';
import { createWorthALine } from '#runtime/worth-a-line.ts';
import { createIngestMetrics, type IngestLevels } from './ingest-metrics.ts';
import { LineLimits } from './line-limits.ts';
import type { RefusalReason, TurnedAway } from './refusal-reason.ts';
import type {
  CertificateName,
  DropReason,
  ListenerName,
  MappingOutcome,
  PacketType,
  ToleratedKind,
} from './telemetry-labels.ts';

/** The books of the gateway (P8), in readings: `decoded = appended + deadLettered + unconfirmed`. */
export interface Accounting {
  /** A message that is refused as a whole counts as one reading. */
  readonly decoded: number;
  readonly appended: number;
  readonly deadLettered: number;
  /** Handed to the log and not confirmed: still in flight, or given up (then they may be in the log or not). */
  readonly unconfirmed: number;
  /** Messages that were swallowed because a mapping says so: no reading was looked for, so they are in none of these. */
  readonly ignored: number;
}

/** Of many devices in one line of the log. */
const DEVICES_NAMED = 10;

export type IngestTelemetry = ReturnType<typeof createIngestTelemetry>;

/**
 * The events of the gateway: one function = one log line and/or one metric. Lines that a client can cause at will are
 * limited by who causes them (`LineLimits`), and say how many like them were left out.
 *
 * @param onRefused keeps who was refused; metrics name no device.
 * @param audit gets the same, and who came and went; limited alike, so that nobody can fill a disk with it.
 */
export function createIngestTelemetry(
  deps: Deps,
  schemas: readonly string[],
  levels: () => IngestLevels,
  onRefused: (refusal: TurnedAway) => void = () => undefined,
  audit?: AuditTrail,
) {
  const log = deps.log.child({ part: 'ingest-gateway' });
  const { counts, expiry, ackSeconds } = createIngestMetrics(deps.metrics, schemas, levels);
  const worthALine = createWorthALine();
  const lines = new LineLimits();
  const visits = new LineLimits();

  return {
    connectedDevices(): number {
      return levels().connectedDevices;
    },
    /** @param ourTrouble that it is our clock which is wrong, in words, or `undefined`; asked only when it is worth a line. */
    deviceClockOff(ourTrouble: () => string | undefined): void {
      if (!worthALine('device clock')) return;
      const trouble = ourTrouble();
      if (trouble !== undefined) log.error(`${trouble}; see docs/runbooks/ClockDisagrees.md`);
    },
    /** Of a whole site there may be thousands: some are named, the rest are in `/api/devices`. */
    devicesInTrouble({ refused, silent }: Readonly<Record<'refused' | 'silent', readonly string[]>>): void {
      const named = (ids: readonly string[]) => ({
        devices: ids.length,
        ids: ids.slice(0, DEVICES_NAMED),
        more: 'npm run devices -- status --trouble',
      });
      if (refused.length > 0)
        log.warn(named(refused), 'most readings of devices have been refused for minutes');
      if (silent.length > 0) log.warn(named(silent), 'devices have fallen silent');
    },
    accounting(): Accounting {
      const total = (byWord: Record<string, number>): number =>
        Object.values(byWord).reduce((sum, count) => sum + count, 0);
      const { decoded, unconfirmed, ignored } = counts;
      return {
        decoded,
        appended: total(counts.appended),
        deadLettered: total(counts.deadLetters),
        unconfirmed,
        ignored,
      };
    },
    listening(listener: string, host: string, port: number): void {
      log.info({ listener, host, port }, 'listening for devices');
    },
    listenerFailed(listener: string, error: unknown): void {
      if (worthALine(`listener ${listener}`))
        log.error({ listener, error: describeError(error) }, 'a listener cannot accept connections');
    },
    brokerFailed(error: unknown): void {
      log.error({ error: describeError(error) }, 'the MQTT broker reported an error');
    },
    hookFailed(hook: string, error: unknown): void {
      if (worthALine(`hook ${hook}`))
        log.error(
          { hook, error: describeError(error) },
          'a client was disconnected because of an internal error',
        );
    },
    anonymousAllowed(): void {
      log.warn('devices are let in without a password (ALLOW_ANONYMOUS)');
    },
    /** The process may have too few files open for the connections that were configured: it takes fewer. */
    fewDescriptors(openFiles: number | undefined, connections: number, configured: number): void {
      log.warn(
        { openFiles, connections, configured },
        'the limit of open files (ulimit -n) is too low for MQTT_CONNECTIONS: fewer devices are let in',
      );
    },
    credentialsLoaded(file: string, devices: number): void {
      log.info({ file, devices }, 'device credentials loaded');
      audit?.write('credentials loaded', { file, devices });
    },
    credentialsReadableForAll(file: string): void {
      log.warn({ file }, 'everybody on this machine may read the credentials: chmod o-r');
    },
    credentialsUnusable(file: string, problem: string): void {
      log.error({ file, problem }, 'device credentials cannot be read, the ones loaded before stay in force');
    },
    loginsWait(logins: number, waitMs: number): void {
      if (worthALine('slow logins'))
        log.warn(
          { logins, aboutSeconds: Math.ceil(waitMs / 1000) },
          'logins wait for slow hashes of chosen passwords; made ones are checked at once (docs/devices.md)',
        );
    },
    loginsWaitNoMore(): void {
      log.info('no login waits for a slow hash any more');
    },
    tokenKeysLoaded(keys: number): void {
      log.info({ keys }, 'keys of tokens (JWT) loaded');
    },
    /** @param hasOthers those from before are in force; else no token can be judged. */
    tokenKeysUnusable(problem: string, hasOthers: boolean): void {
      const meanwhile = hasOthers
        ? 'the ones before stay in force'
        : 'devices that show a token have to wait';
      log.error({ problem }, `keys of tokens (JWT) cannot be had; ${meanwhile}`);
    },
    banned(
      device: string | undefined,
      address: string | undefined,
      reason: string,
      until: string | undefined,
    ): void {
      // Clients that flap under many names are as many.
      const leftOut = lines.leftOutBefore(`banned ${device ?? address}`, 'bans');
      if (leftOut === undefined) return;
      log.warn({ device, address, reason, until, leftOut }, 'banned (npm run bans)');
      audit?.write('banned', { deviceId: device, address, reason, until, leftOut });
    },
    bansUnusable(file: string, problem: string): void {
      if (worthALine('bans'))
        log.error({ file, problem }, 'the list of bans cannot be used, the one before stays');
    },
    /** @param expiries of the first certificate of each file that expires, milliseconds since the epoch. */
    certificatesLoaded(file: string, expiries: Readonly<Partial<Record<CertificateName, number>>>): void {
      const until = Object.entries(expiries).map(([name, ms]) => [name, new Date(ms).toISOString()]);
      for (const [name, ms] of Object.entries(expiries)) expiry.set(name as CertificateName, ms);
      log.info({ file, validTo: Object.fromEntries(until) }, 'TLS certificate loaded');
    },
    certificateUnusable(problem: string): void {
      log.error({ problem }, 'TLS files cannot be used, the ones loaded before stay in force');
    },
    connectionOpened(listener: ListenerName): void {
      counts.connectionsOpened[listener]++;
      counts.connectionsOpen[listener]++;
    },
    connectionClosed(listener: ListenerName): void {
      counts.connectionsOpen[listener]--;
    },
    packetCut(): void {
      counts.packetsCut++;
    },
    refused(refusal: TurnedAway): void {
      const { reason, deviceId, address } = refusal;
      counts.refused[reason]++;
      onRefused(refusal);
      const leftOut = lines.leftOutBefore(`${reason} ${deviceId}`, address);
      if (leftOut === undefined) return;
      log.warn({ ...refusal, leftOut }, 'a client was refused or disconnected');
      audit?.write('refused', { ...refusal, leftOut });
    },
    /** A device came in again while it was connected. Two addresses in turns: two devices with one id. */
    takenOver(deviceId: string, address: string, olderAddress: string): void {
      counts.tolerated.takeover++;
      const leftOut = lines.leftOutBefore(`takeover ${deviceId}`, address);
      if (leftOut === undefined) return;
      const takeover = { deviceId, address, olderAddress, leftOut };
      log.info(takeover, 'a device connected again, its older connection is closed');
      audit?.write('taken over', takeover);
    },
    auditLinesLost(lines: number, reason: string): void {
      counts.auditLinesLost += lines;
      if (worthALine('audit'))
        log.error(
          { reason },
          'the audit log (AUDIT_LOG_FILE) cannot be written; the work goes on without it',
        );
    },
    deviceConnected(deviceId: string, address: string): void {
      const leftOut = audit && visits.leftOutBefore(`connected ${deviceId}`, address);
      if (leftOut !== undefined) audit?.write('connected', { deviceId, address, leftOut });
    },
    /** @param reason for which we ended the connection; `undefined` = it went, or its network. */
    deviceDisconnected(deviceId: string, address: string, reason: RefusalReason | undefined): void {
      const leftOut = audit && visits.leftOutBefore(`disconnected ${deviceId}`, address);
      if (leftOut !== undefined) audit?.write('disconnected', { deviceId, address, reason, leftOut });
    },
    /** @param source `undefined` = no rule knew the topic. */
    messageMapped(source: string | undefined, outcome: MappingOutcome): void {
      const name = source ?? 'none';
      let outcomes = counts.mapped.get(name);
      if (outcomes === undefined) {
        outcomes = { mapped: 0, 'partly-rejected': 0, rejected: 0, ignored: 0, unmapped: 0 };
        counts.mapped.set(name, outcomes);
      }
      outcomes[outcome]++;
    },
    messageIgnored(): void {
      counts.ignored++;
    },
    tolerated(kind: ToleratedKind): void {
      counts.tolerated[kind]++;
    },
    /** The first of a device: where anybody is let in, each may have another id. */
    foreignTopic(deviceId: string, address: string, topic: string): void {
      const leftOut = lines.leftOutBefore(`foreign-topic ${deviceId}`, address);
      if (leftOut === undefined) return;
      log.warn(
        { deviceId, address, topic: topic.slice(0, 128), leftOut },
        'a device publishes to a topic that is not its own; this and further ones are acknowledged and thrown away',
      );
    },
    packetReceived(type: string): void {
      if (type in counts.packets) counts.packets[type as PacketType]++;
    },
    messageReceived(version: MqttVersion, qos: 0 | 1 | 2): void {
      (counts.messages[version][qos] as number)++;
    },
    readingsDecoded(readings: number): void {
      counts.decoded += readings;
    },
    /** Readings, or one dead letter, were handed to the log. */
    appendStarted(readings: number): void {
      counts.unconfirmed += readings;
    },
    readingsAppended(schema: string, readings: number): void {
      counts.appended[schema] = (counts.appended[schema] ?? 0) + readings;
      counts.unconfirmed -= readings;
    },
    /** @param readings in the letter: more than one only in a record that the log refused */
    deadLettered(reason: RejectReason, readings = 1): void {
      counts.deadLetters[reason] += readings;
      counts.unconfirmed -= readings;
    },
    appendFailed(deviceId: string, error: PipelineError): void {
      if (worthALine('append failed'))
        log.error(
          { deviceId, error: describeError(error) },
          'a message is not durable, it is not acknowledged',
        );
    },
    dropped(reason: DropReason): void {
      counts.dropped[reason]++;
    },
    acknowledged(seconds: number): void {
      ackSeconds.observe(seconds);
    },
    stopped(unacknowledged: number): void {
      log.info({ unacknowledged }, 'gateway stopped');
    },
  };
}
