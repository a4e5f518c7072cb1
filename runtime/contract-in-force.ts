import { Counter, Gauge } from 'prom-client';
import type { MessageLimits } from '#contract/limits.ts';
import type { Mappings } from '#contract/mapping/mappings.ts';
import type { ReadingSchema, SchemaRegistry } from '#contract/schema-registry.ts';
import type { Deps } from '#runtime/deps.ts';
import { describeError } from '#runtime/errors.ts';
import { FileChanges } from '#runtime/file-changes.ts';
import type { ReadinessCheck } from '#runtime/http-server.ts';
import { type Contract, type ContractOptions, contractFiles, loadContract } from '#runtime/load-contract.ts';

/** Schemas and mappings as they are in force now. */
export interface CurrentContract {
  /** One registry for the life of the process; what is in it changes when files do. */
  readonly schemas: SchemaRegistry;
  readonly mappings: Mappings;
  /** What bounds one message; default: `LIMITS`. */
  readonly limits?: MessageLimits;
}

/**
 * Schemas and mappings in force: those of the files at start, and again whenever a file changes.
 *
 * Two states. *Sound*, and *outdated*: the files were changed into something that cannot be used. Then the ones loaded
 * before stay in force, and everybody is told (a line in the log, `contract_files_usable` 0, the readiness body) until
 * a next change makes them sound again. Schemas and mappings change together, in one turn: a mapping is compiled
 * against the schemas beside it.
 */
export class ContractInForce implements CurrentContract, Disposable {
  readonly #options: ContractOptions;
  readonly #schemas = new Map<string, ReadingSchema>();
  readonly #changes: FileChanges;
  #mappings: Mappings;
  #problem: string | undefined;
  #telemetry: ContractTelemetry | undefined;

  /** @throws PipelineError `configuration` with everything that is wrong with the files. */
  constructor(options: ContractOptions) {
    this.#options = options;
    this.#changes = new FileChanges(() => contractFiles(options));
    this.#mappings = this.#put(loadContract(options));
  }

  get schemas(): SchemaRegistry {
    return this.#schemas;
  }

  get limits(): MessageLimits {
    return this.#mappings.limits;
  }

  get mappings(): Mappings {
    return this.#mappings;
  }

  /** For the readiness body: never required, since what was loaded before is in force. */
  health(): ReadinessCheck {
    const problem = this.#problem;
    if (problem === undefined) return { required: false, up: true };
    return { required: false, up: false, detail: `the files changed and cannot be used: ${problem}` };
  }

  /** Looks for changes from now on. */
  watch(deps: Pick<Deps, 'log' | 'metrics'>, pollMs?: number): void {
    this.#telemetry = createContractTelemetry(deps, () => this.#problem === undefined);
    this.#changes.watch(() => this.#reload(), pollMs);
  }

  /** The operator asks for it. */
  readAgain(): void {
    this.#changes.readAgain();
  }

  [Symbol.dispose](): void {
    this.#changes[Symbol.dispose]();
  }

  #put({ schemas, mappings }: Contract): Mappings {
    this.#schemas.clear();
    for (const [name, schema] of schemas) this.#schemas.set(name, schema);
    return mappings;
  }

  #reload(): void {
    try {
      this.#mappings = this.#put(loadContract(this.#options));
      this.#problem = undefined;
      this.#telemetry?.reloaded(this.#schemas.size, this.#mappings.rules.length);
    } catch (error) {
      this.#problem = describeError(error);
      this.#telemetry?.unusable(this.#problem);
    }
  }
}

type ContractTelemetry = ReturnType<typeof createContractTelemetry>;

export function createContractTelemetry(
  { log, metrics }: Pick<Deps, 'log' | 'metrics'>,
  usable: () => boolean,
) {
  const registers = [metrics];
  const reloads = new Counter({
    name: 'contract_reloads_total',
    help: 'Times that changed files of schemas and mappings were looked at, by outcome',
    labelNames: ['outcome'],
    registers,
  });
  for (const outcome of ['loaded', 'unusable']) reloads.inc({ outcome }, 0);
  new Gauge({
    name: 'contract_files_usable',
    help: '1 = schemas and mappings in force are those of the files; 0 = the files cannot be used, older ones are in force',
    registers,
    collect() {
      this.set(usable() ? 1 : 0);
    },
  });
  return {
    reloaded(schemas: number, rules: number): void {
      reloads.inc({ outcome: 'loaded' });
      log.info({ schemas, rules }, 'schemas and mappings were changed');
    },
    unusable(problem: string): void {
      reloads.inc({ outcome: 'unusable' });
      log.error(
        { problem },
        'schemas and mappings were changed into something unusable, the ones loaded before stay in force',
      );
    },
  };
}
