import type { AuditLogOptions, AuditTrail } from '#runtime/audit-log.ts';
import type { ContractInForce, CurrentContract } from '#runtime/contract-in-force.ts';
import type { Deps } from '#runtime/deps.ts';
import type { Settings, SourceSettings } from '#runtime/settings.ts';
import { connectionsOf, openFilesLimit, withinDescriptors } from './descriptor-limit.ts';
import { BanList } from './devices/bans/ban-list.ts';
import { FlappingWatch } from './devices/bans/flapping.ts';
import { CredentialStore } from './devices/credential-store.ts';
import { LoginLimits } from './devices/login-limits.ts';
import { TokenChecks } from './devices/tokens/token-checks.ts';
import { TokenKeys } from './devices/tokens/token-keys.ts';
import { type GatewayLimits, gatewayLimits } from './gateway-limits.ts';
import { type GatewayReadiness, readinessOf } from './gateway-readiness.ts';
import type { DeviceStatus, DeviceStory } from './intake/device.ts';
import type { Strangers } from './intake/device-registry.ts';
import type { Trouble } from './intake/device-watch.ts';
import type { GatewayLog } from './intake/gateway-log.ts';
import { type DeviceGlance, KnownDevices } from './intake/known-devices.ts';
import { openIntake } from './intake/open-intake.ts';
import { Door } from './mqtt/listeners/door.ts';
import { type Listeners, openListeners } from './mqtt/listeners/open-listeners.ts';
import { MqttBroker } from './mqtt/mqtt-broker.ts';
import { type Sources, startSources } from './source/sources.ts';
import type { Accounting } from './telemetry.ts';

export interface IngestGatewayOptions {
  readonly mqtt: Settings['mqtt'];
  readonly topics: { readonly telemetry: string; readonly deadLetters: string };
  /** Name of this gateway among several, for the records' header `gateway`. */
  readonly name: string;
  /** Brokers to read from, besides; `undefined` = none. */
  readonly source?: SourceSettings | undefined;
  /** `undefined` = nobody keeps who came and went. */
  readonly auditLog?: AuditLogOptions | undefined;
  /** Instead of those of `contract/limits.ts`. */
  readonly limits?: Partial<GatewayLimits>;
  /** Files and sockets that the process may have open; default: what the system says. */
  readonly openFiles?: number;
  /** How often the files of credentials and certificates are looked at; default 1 s. */
  readonly filePollMs?: number;
  /** How often single devices are looked after; default a minute. */
  readonly deviceLookMs?: number;
}

/** How often it is looked whose token does not hold any more. */
const TOKEN_LOOK_MS = 1_000;

export interface IngestGatewayDeps extends Deps {
  /** Stays open: whoever opened it closes it, after the gateway stopped. */
  readonly eventLog: GatewayLog;
  readonly contract: CurrentContract & Partial<Pick<ContractInForce, 'health' | 'readAgain'>>;
}

export interface IngestGateway extends AsyncDisposable {
  /** Ports listened on; they differ from the options when those say 0. */
  readonly ports: Listeners['ports'];
  connectedDevices(): number;
  /** The books in readings, since the start (P8). */
  accounting(): Accounting;
  /** Devices not seen for `silentForMs`, longest unseen first; those of the credentials file even if never seen. */
  devices(silentForMs?: number): (DeviceStatus & Trouble)[];
  /** All of them, in no order, for who rests in between: ten thousand at once are a pause for each of them. */
  glances(): Iterable<DeviceGlance>;
  /** One device; `undefined` = it was never let in, and is not expected. */
  status(id: string): (DeviceStatus & Trouble) | undefined;
  /** As `status`, and when it came and went. */
  device(id: string): (DeviceStory & Trouble) | undefined;
  /** Where it is written who came and who did what; `undefined` = nowhere. */
  readonly audit: AuditTrail | undefined;
  /** Who was turned away and is none of `devices`. */
  strangers(): Strangers;
  readiness(): GatewayReadiness;
  /** Credentials, bans and certificates: the operator asks for it. What cannot be used changes nothing. */
  readFilesAgain(): void;
  /** Loses no acknowledgement that was earned; at most `shutdownAppendsMs` + `shutdownLingerMs`. */
  stop(): Promise<void>;
}

/**
 * Starts the MQTT side of the pipeline.
 *
 * @throws PipelineError `configuration`: a port, a certificate or the credentials file cannot be used; the message
 *   names the variables.
 */
export async function startIngestGateway(
  options: IngestGatewayOptions,
  deps: IngestGatewayDeps,
): Promise<IngestGateway> {
  const { mqtt, topics, name } = options;
  const { eventLog, contract } = deps;
  const { openFiles = openFilesLimit() } = options;
  const wanted = gatewayLimits(options.limits);
  const limits = withinDescriptors(wanted, openFiles);
  let broker: MqttBroker | undefined;
  let listeners: Listeners | undefined;
  let sources: Sources | undefined;
  const fileProblems = () => ({
    credentials: credentials?.problem,
    bans: bans.problem,
    certificates: listeners?.tls?.problem,
    'token-keys': tokenKeys?.problem,
  });
  await using resources = new AsyncDisposableStack();
  const { intake, devices, budget, clocks, telemetry, watch, watchDevices, audit } = openIntake(
    { topics, gatewayName: name, auditLog: options.auditLog, limits },
    {
      ...deps,
      termsOf: (id) => credentials?.terms(id) ?? {},
      expected: () => credentials?.deviceIds() ?? [],
      isKeptOut: (id) => credentials?.isRevoked(id) === true || bans.device(id) !== undefined,
    },
    () => ({
      connectedDevices: broker?.connectedDevices ?? 0,
      unreadBytes: broker?.unreadBytes ?? 0,
      pausedDevices: (broker?.pausedDevices ?? 0) + (sources?.paused() ?? 0),
      fileProblems: fileProblems(),
      waitingLogins: credentials?.waitingLogins.count ?? 0,
    }),
  );
  if (limits !== wanted) telemetry.fewDescriptors(openFiles, connectionsOf(limits), connectionsOf(wanted));
  if (audit !== undefined) resources.use(audit);
  const credentials =
    mqtt.credentialsFile === undefined
      ? undefined
      : resources.use(
          new CredentialStore(
            {
              file: mqtt.credentialsFile,
              pollMs: options.filePollMs,
              now: deps.now,
              onChanged: (deviceId) =>
                broker?.disconnect('revoked', ({ connect }) => connect?.clientId === deviceId),
              onTermsChanged: (deviceId) => {
                devices.termsChanged(deviceId);
                broker?.allowanceChanged(deviceId);
              },
            },
            telemetry,
            { limits: new LoginLimits({ firstWaitMs: limits.loginWaitMs }) },
          ),
        );
  const tokenKeys =
    mqtt.tokens &&
    resources.use(
      new TokenKeys(
        { keys: mqtt.tokens.keys, pollMs: options.filePollMs, onChanged: () => endTokens() },
        telemetry,
      ),
    );
  const tokens =
    mqtt.tokens && tokenKeys && new TokenChecks({ ...mqtt.tokens, keys: tokenKeys, now: deps.now });
  const endTokens = (): void =>
    broker?.disconnect(
      'token-over',
      ({ pass }) => pass?.token !== undefined && tokens?.holds(pass.token) === false,
    );
  const bans = resources.use(
    new BanList(
      {
        file: mqtt.bansFile,
        pollMs: options.filePollMs,
        onChanged: () =>
          broker?.disconnect(
            'banned',
            ({ connect, address }) =>
              bans.address(address) !== undefined ||
              (connect !== undefined && bans.device(connect.clientId) !== undefined),
          ),
      },
      telemetry,
      deps.now,
    ),
  );
  if (mqtt.allowAnonymous) telemetry.anonymousAllowed();
  const running = await MqttBroker.start(
    {
      limits,
      ackDeadlineMs: mqtt.ackDeadlineMs,
      authentication: { credentials, tokens, allowAnonymous: mqtt.allowAnonymous, bans },
    },
    {
      devices,
      intake,
      budget,
      telemetry,
      bans,
      flapping: new FlappingWatch({ connects: limits.connectsPerMinute }),
      isLogUp: () => eventLog.health().up,
      namesClients: () => contract.mappings.rules.length > 0,
      now: deps.now,
    },
  );
  broker = running;
  if (options.source !== undefined)
    sources = startSources(
      { settings: options.source, limits, ackDeadlineMs: mqtt.ackDeadlineMs },
      { ...deps, intake, budget, isLogUp: () => eventLog.health().up },
    );
  // Together: each may take the whole time that there is for it.
  resources.defer(async () => void (await Promise.all([running.stop(), sources?.stop()])));

  const { filePollMs } = options;
  const door = new Door(limits, {
    isBanned: (address) => bans.address(address) !== undefined,
    telemetry,
  });
  listeners = resources.use(
    await openListeners(
      mqtt,
      { limits, filePollMs },
      { door, telemetry, heldInput: running.partialPackets },
      (arrival) => running.accept(arrival),
      (isTrusted) =>
        running.disconnect(
          'certificate-not-trusted',
          ({ certificate }) => certificate !== undefined && !isTrusted(certificate),
        ),
    ),
  );

  const { ports, tls } = listeners;
  resources.use(watchDevices(options.deviceLookMs));
  if (tokens !== undefined) {
    // No timer for each: clocks are set, and tokens may hold for longer than a timer can wait.
    const looks = setInterval(endTokens, options.filePollMs ?? TOKEN_LOOK_MS).unref();
    resources.defer(() => clearInterval(looks));
  }

  // In this order: close the listeners, stop the broker, let go of the credentials.
  const owned = resources.move();
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => (stopping ??= owned.disposeAsync());
  const known = new KnownDevices({ devices, watch, clocks, expected: credentials });
  return {
    ports,
    audit,
    connectedDevices: () => running.connectedDevices,
    accounting: () => telemetry.accounting(),
    devices: (silentForMs) => known.list(silentForMs),
    glances: () => known.glances(),
    status: (id) => known.status(id),
    device: (id) => known.story(id),
    strangers: () => known.strangers(),
    readiness: () =>
      readinessOf({
        isStopping: stopping !== undefined,
        connectedDevices: running.connectedDevices,
        fileProblems: fileProblems(),
        eventLog,
        clocks,
        contract,
        sources,
        credentials,
      }),
    readFilesAgain() {
      credentials?.readAgain();
      bans.readAgain();
      tokenKeys?.readAgain();
      tls?.readAgain();
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
