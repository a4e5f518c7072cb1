import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { choosePorts } from '#runtime/choose-ports.ts';
import type { PartsOptions } from './cache.ts';
import { kafkaJavaArguments } from './kafka-parts.ts';
import { createService, type KeepRunning, type ServiceControl } from './service-process.ts';
import { run } from './tools.ts';

type BrokerSettings = Readonly<Record<string, string | number | boolean>>;

export interface StartKafkaOptions extends PartsOptions {
  readonly brokers: 1 | 3;
  /** One sub folder per broker. Default: a temporary folder, deleted by `close()`. */
  readonly dataDir?: string | undefined;
  /** Client ports, one per broker; default `'auto'`: free ones. */
  readonly ports?: 'auto' | readonly number[];
  /** Settings of `server.properties` that come on top of {@link brokerSettings}, the same for every broker. */
  readonly config?: BrokerSettings;
  /** Users who may log in by SCRAM, for a listener that wants it. Made with the data folder, so only in a new one. */
  readonly scramUsers?: readonly ScramUser[];
  /**
   * `host:port` per broker that clients are told to use, when it is not the broker's own: how a test puts its proxy in
   * between. The brokers talk to each other on a listener of their own, past that proxy.
   */
  readonly advertisedBrokers?: readonly string[];
  /** The brokers shall outlive this process; told of each process as soon as it exists. */
  readonly keepRunning?: KeepRunning;
}

export interface ScramUser {
  readonly mechanism: 'SCRAM-SHA-256' | 'SCRAM-SHA-512';
  readonly name: string;
  readonly password: string;
}

export interface Kafka {
  /** `127.0.0.1:port` of each broker. */
  readonly brokers: readonly string[];
  readonly nodes: readonly ServiceControl[];
  /** The broker whose Kafka id is `id`: 0, 1 or 2. */
  node(id: number): ServiceControl;
  /** Ends all brokers; a temporary data folder is deleted. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts real Apache Kafka (KRaft), every broker also a controller, and resolves when all brokers serve. With three
 * brokers, `min.insync.replicas` is 2 and any one of them may be killed, frozen or restarted.
 */
export async function startKafka(options: StartKafkaOptions): Promise<Kafka> {
  const { brokers: count, dataDir, ports = 'auto', scramUsers = [] } = options;
  const java = await kafkaJavaArguments(options);
  const root = dataDir ?? (await mkdtemp(join(tmpdir(), 'pipeline-kafka-')));
  const ids = Array.from({ length: count }, (_, id) => id);
  const anyPorts = ids.map(() => undefined);
  const clientPorts = ports === 'auto' ? anyPorts : ids.map((id) => ports[id]);
  const chosenPorts = await choosePorts([...clientPorts, ...anyPorts, ...anyPorts]);
  const addresses = chosenPorts.map((port) => `127.0.0.1:${port}`);
  const cluster: Cluster = {
    clients: addresses.slice(0, count),
    internal: addresses.slice(count, 2 * count),
    controllers: addresses.slice(2 * count),
  };

  const nodes = await Promise.all(
    ids.map(async (id) => {
      const folder = join(root, `broker-${id}`);
      await mkdir(folder, { recursive: true });
      const propertiesFile = join(folder, 'server.properties');
      const settings = {
        ...brokerSettings(id, cluster, options.advertisedBrokers),
        ...options.config,
        'log.dirs': join(folder, 'log'),
      };
      await writeFile(propertiesFile, formatProperties(settings));
      const users = scramUsers.flatMap((user) => ['--add-scram', formatScramUser(user)]);
      const format = ['format', '--ignore-formatted', '-t', CLUSTER_ID, '-c', propertiesFile, ...users];
      await run('java', [...FAST_JVM_START, ...java, 'kafka.tools.StorageTool', ...format], { cwd: folder });
      return createService({
        name: `kafka-${id}`,
        command: 'java',
        args: ['-Xms200m', '-Xmx400m', ...java, 'kafka.Kafka', propertiesFile],
        logFile: join(folder, 'kafka.log'),
        isReady: async (log) => (await log()).includes('Kafka Server started'),
        keepRunning: options.keepRunning,
      });
    }),
  );
  const close = async () => {
    // Data that is thrown away needs no orderly end, which takes seconds.
    const end = dataDir === undefined ? 'kill' : 'stop';
    await Promise.all(nodes.map((node) => node.running && node[end]()));
    if (dataDir === undefined) await rm(root, { recursive: true, force: true });
  };
  const starts = await Promise.allSettled(nodes.map((node) => node.start()));
  const failed = starts.find((start) => start.status === 'rejected');
  if (failed !== undefined) {
    await close();
    throw failed.reason;
  }
  return {
    brokers: cluster.clients,
    nodes,
    node: (id) => {
      const node = nodes[id];
      if (node === undefined) throw new RangeError(`there is no broker ${id}`);
      return node;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** `host:port` per broker, for each of the three kinds of listener. */
interface Cluster {
  readonly clients: readonly string[];
  readonly internal: readonly string[];
  readonly controllers: readonly string[];
}

/** A fixed id keeps a data folder usable by the next start; clusters on one machine never share ports. */
const CLUSTER_ID = 'aW90LXRlbGVtZXRyeS1waQ';
const FAST_JVM_START = ['-XX:TieredStopAtLevel=1', '-XX:+UseSerialGC', '-Xmx128m'];

function brokerSettings(id: number, cluster: Cluster, advertised = cluster.clients): BrokerSettings {
  const replicas = cluster.clients.length;
  const minInSync = Math.max(1, replicas - 1);
  return {
    'process.roles': 'broker,controller',
    'node.id': id,
    'controller.quorum.voters': cluster.controllers.map((address, voter) => `${voter}@${address}`).join(','),
    listeners: `CLIENT://${cluster.clients[id]},INTERNAL://${cluster.internal[id]},CONTROLLER://${cluster.controllers[id]}`,
    'advertised.listeners': `CLIENT://${advertised[id]},INTERNAL://${cluster.internal[id]}`,
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'auto.create.topics.enable': false,
    'min.insync.replicas': minInSync,
    // Kafka's internal topics: as safe as the cluster can make them, and small.
    'offsets.topic.num.partitions': 3,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.num.partitions': 3,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': minInSync,
    'share.coordinator.state.topic.num.partitions': 3,
    'share.coordinator.state.topic.replication.factor': replicas,
    'share.coordinator.state.topic.min.isr': minInSync,
    // Fast where the defaults wait for large clusters: first rebalance, noticing a dead or frozen broker, shutdown.
    'group.initial.rebalance.delay.ms': 0,
    'broker.heartbeat.interval.ms': 500,
    'broker.session.timeout.ms': 6000,
    'replica.lag.time.max.ms': 10_000,
    // How long a broker waits for the answer of a frozen one, as follower and as client of the active controller.
    'replica.socket.timeout.ms': 5000,
    'controller.socket.timeout.ms': 5000,
    'controlled.shutdown.max.retries': 1,
    // The default, 128 MiB, is a third of the heap.
    'log.cleaner.dedupe.buffer.size': 16 * 1024 * 1024,
  };
}

const formatProperties = (settings: BrokerSettings) =>
  `${Object.entries(settings)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}\n`;

const formatScramUser = ({ mechanism, name, password }: ScramUser) =>
  `${mechanism}=[name="${name}",password="${password}"]`;
