/** What both ends of the chain have in common: write what is there five times a second, in batches as large as ours. */
const AGENT = `
[agent]
  interval = "1s"
  flush_interval = "200ms"
  flush_jitter = "0s"
  metric_batch_size = 5000
  metric_buffer_limit = 1000000
  omit_hostname = true
`;

/** Of the protocol; what Telegraf speaks without being told is older than what Kafka 4 still understands. */
const KAFKA_VERSION = '3.6.0';
/** Of each Telegraf: metrics that it has taken and not yet written. */
const UNDELIVERED = 20_000;

export interface InfluxAddress {
  readonly influxUrl: string;
  readonly token: string;
  readonly org: string;
  readonly bucket: string;
}

export interface PeerAddresses extends InfluxAddress {
  readonly mqttUrl: string;
  readonly kafkaBrokers: string;
  readonly topic: string;
}

/** MQTT to Kafka, acknowledged to the broker when Kafka has it on all replicas, like ours. */
export function ingestConfig({ mqttUrl, kafkaBrokers, topic }: PeerAddresses): string {
  return `${AGENT}${mqttInput(mqttUrl)}
[[outputs.kafka]]
  brokers = [${text(kafkaBrokers)}]
  version = ${text(KAFKA_VERSION)}
  topic = ${text(topic)}
  routing_tag = "device"
  required_acks = -1
  data_format = "influx"
`;
}

/** MQTT to InfluxDB, acknowledged to the broker when InfluxDB has it. */
export function directConfig(addresses: Omit<PeerAddresses, 'kafkaBrokers' | 'topic'>): string {
  return `${AGENT}${mqttInput(addresses.mqttUrl)}${influxOutput(addresses)}`;
}

function mqttInput(mqttUrl: string): string {
  return `
[[inputs.mqtt_consumer]]
  servers = [${text(mqttUrl)}]
  topics = ["devices/+/telemetry"]
  qos = 1
  client_id = "telegraf"
  persistent_session = true
  max_undelivered_messages = ${UNDELIVERED}
  topic_tag = ""
  data_format = "json_v2"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "devices/+/telemetry"
    tags = "_/device/_"
  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "environment"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "@this"
      timestamp_key = "ts"
      timestamp_format = "unix_ms"
      disable_prepend_keys = true
      excluded_keys = ["schema"]
`;
}

/** Kafka to InfluxDB, offsets committed when InfluxDB has it. */
export function writeConfig(addresses: PeerAddresses): string {
  const { kafkaBrokers, topic } = addresses;
  return `${AGENT}
[[inputs.kafka_consumer]]
  brokers = [${text(kafkaBrokers)}]
  version = ${text(KAFKA_VERSION)}
  topics = [${text(topic)}]
  consumer_group = ${text(`telegraf-${topic}`)}
  offset = "oldest"
  max_undelivered_messages = ${UNDELIVERED}
  data_format = "influx"
${influxOutput(addresses)}`;
}

function influxOutput({ influxUrl, token, org, bucket }: InfluxAddress): string {
  return `
[[outputs.influxdb_v2]]
  urls = [${text(influxUrl)}]
  token = ${text(token)}
  organization = ${text(org)}
  bucket = ${text(bucket)}
`;
}

/** As TOML writes it, which for these is as JSON does. */
const text = (value: string): string => JSON.stringify(value);
