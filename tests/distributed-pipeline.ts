import { choosePorts } from '#runtime/choose-ports.ts';
import { PipelineProcess } from '#standalone/demo/pipeline-process.ts';

/** Gateways and processors as processes of their own, around a Kafka and an InfluxDB that the test owns. */
export class DistributedPipeline implements AsyncDisposable {
  readonly gateways: PipelineProcess[] = [];
  readonly processors: PipelineProcess[] = [];
  readonly urls: string[] = [];
  /** What every process, and the simulator's verification, reads. */
  readonly env: Readonly<Record<string, string>>;

  constructor(env: Readonly<Record<string, string>>) {
    this.env = { LOG_LEVEL: 'warn', ...env };
  }

  async addGateway(): Promise<PipelineProcess> {
    const [mqttPort, httpPort] = (await choosePorts([undefined, undefined])) as [number, number];
    const env = { ...this.env, MQTT_PORT: String(mqttPort) };
    const gateway = new PipelineProcess({ command: ['ingest-gateway/main.ts'], env, httpPort });
    this.gateways.push(gateway);
    this.urls.push(`mqtt://127.0.0.1:${mqttPort}`);
    await gateway.start();
    return gateway;
  }

  async addProcessor(): Promise<PipelineProcess> {
    const [httpPort] = (await choosePorts([undefined])) as [number];
    const processor = new PipelineProcess({
      command: ['processors/telemetry-writer/main.ts'],
      env: this.env,
      httpPort,
    });
    this.processors.push(processor);
    await processor.start();
    return processor;
  }

  /** `--url` for each gateway. */
  get urlArguments(): string[] {
    return this.urls.flatMap((url) => ['--url', url]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.gateways, ...this.processors].map((each) => each.kill()));
  }
}
