/** How to log in. The password never reaches a log line. */
interface KafkaSasl {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

export interface KafkaEventLogOptions {
  /** `host:port` of some brokers of the cluster; the others are learned from them. Never empty. */
  readonly brokers: readonly string[];
  /**
   * TLS: with the certificate authorities that Node.js trusts (true; `NODE_EXTRA_CA_CERTS` adds others), or with these
   * (PEM) instead. A broker's certificate must name the host that it is reached by.
   */
  readonly ssl: boolean | { readonly ca: string };
  readonly sasl?: KafkaSasl | undefined;
  /** Shows up in the brokers' logs and quotas. */
  readonly clientId: string;
  /** Partitions of topics that are created. The count of an existing topic wins. */
  readonly topicPartitions: number;
  /** Of topics that are created. Default: min(3, brokers of the cluster). `min.insync.replicas` is max(1, this − 1). */
  readonly replicationFactor?: number | undefined;
  readonly consumer?: KafkaConsumerOptions | undefined;
}

interface KafkaConsumerOptions {
  /** Partitions whose batches are handled at the same time. Default 12: what they bring the handler in one turn, it may bring on together. */
  readonly partitionsAtOnce?: number | undefined;
  /** After this long without a heartbeat the group gives the member's partitions to others. Default 30,000. */
  readonly sessionTimeoutMs?: number | undefined;
  /** Default: a tenth of the session timeout. */
  readonly heartbeatMs?: number | undefined;
  /**
   * `stopped` rejects when an assigned partition has records, no handler is busy, and nothing moved for this long.
   * Default 60,000.
   */
  readonly stallMs?: number | undefined;
}
