import { X509Certificate } from 'node:crypto';
import { judgeExposure, type Tell } from '#runtime/exposure.ts';
import { judgeLimits } from '#runtime/limit-variables.ts';
import { similarName } from '#runtime/similar-name.ts';
import { SOURCE_VARIABLES, usesTls } from '#runtime/source-variables.ts';
import { VARIABLES, type Values, type VariableName } from '#runtime/variables.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type ReadFile = (path: string) => string;

export interface VariablesRead {
  /** Each accepted by itself; of one that is wrong, its default. */
  readonly values: Values;
  /** What `KAFKA_SSL_CA_FILE` holds. */
  readonly kafkaCertificates: string | undefined;
  /** Variables that are wrong, or missing beside others. */
  readonly wrong: ReadonlySet<string>;
  /** One line each, naming its variable and what was expected. */
  readonly problems: readonly string[];
  /** Names that look like ours but are not. */
  readonly warnings: readonly string[];
}

/**
 * Reads and judges every variable by itself and beside the others. What is wrong with one hides nothing that is wrong with
 * another: a variable that is set counts as set, also when its value is refused.
 */
export function readVariables(env: Environment, readFile: ReadFile): VariablesRead {
  const problems: string[] = [];
  const wrong = new Set<string>();
  const tell: Tell = (name, what) => {
    wrong.add(name.replace(/_FILE$/, '')).add(name);
    problems.push(`${name}: ${what}`);
  };
  const values: Record<string, unknown> = {};
  for (const [key, variable] of Object.entries(VARIABLES)) {
    const name = key as VariableName;
    const secret = 'secret' in variable;
    const raw = rawValue(name, secret, env, readFile, tell);
    const result = variable.schema.safeParse(raw);
    if (result.success) values[name] = result.data;
    else {
      tell(name, `expected ${result.error.issues[0]?.message ?? 'another value'}${found(raw, secret)}`);
      values[name] = variable.schema.safeParse(undefined).data;
    }
  }
  const read = values as Values;
  const isSet = (name: VariableName): boolean => Boolean(env[name] || env[`${name}_FILE`]);
  const refused = new Set(wrong);
  const tellBeside: Tell = (name, what) => {
    if (!refused.has(name)) tell(name, what);
  };
  for (const { set, needs } of RELATIONS) {
    if (!isSet(set)) continue;
    for (const [name, what] of needs) {
      if (!isSet(name)) tell(name, `expected ${what}, because ${set} is set`);
    }
  }
  judgeExposure(read, isSet, tellBeside);
  judgeLimits(read, isSet, tellBeside);
  if (!read.SHIPPED_SCHEMAS && !isSet('SCHEMA_DIR')) {
    tell('SCHEMA_DIR', 'expected a folder, because SHIPPED_SCHEMAS=false leaves no other schemas');
  }
  if (!isSet('JWT_JWKS_FILE') && !isSet('JWT_JWKS_URL')) {
    for (const name of ['JWT_ISSUER', 'JWT_AUDIENCE', 'JWT_ALGORITHMS'] as const)
      if (isSet(name))
        tellBeside('JWT_JWKS_FILE', `expected a file, or JWT_JWKS_URL, because ${name} is set`);
  }
  const { MQTT_SOURCE_URL: sources } = read;
  for (const name of ['MQTT_SOURCE_CA_FILE', 'MQTT_SOURCE_CERT_FILE'] as const) {
    if (sources !== undefined && isSet(name) && !usesTls(sources))
      tellBeside('MQTT_SOURCE_URL', `expected an mqtts or wss address, because ${name} is set`);
  }
  const { KAFKA_SSL_CA_FILE: caFile } = read;
  if (caFile !== undefined && !read.KAFKA_SSL)
    tellBeside('KAFKA_SSL', 'expected "true", because KAFKA_SSL_CA_FILE is set');
  const kafkaCertificates =
    caFile === undefined ? undefined : readCertificates('KAFKA_SSL_CA_FILE', caFile, readFile, tell);
  return { values: read, kafkaCertificates, wrong, problems, warnings: unknownNames(env) };
}

/** What must be set together. */
const RELATIONS: readonly {
  readonly set: VariableName;
  readonly needs: readonly (readonly [name: VariableName, what: string])[];
}[] = [
  {
    set: 'MQTT_TLS_PORT',
    needs: [
      ['MQTT_TLS_CERT_FILE', 'a PEM file'],
      ['MQTT_TLS_KEY_FILE', 'a PEM file'],
    ],
  },
  {
    set: 'MQTT_WSS_PORT',
    needs: [
      ['MQTT_TLS_CERT_FILE', 'a PEM file'],
      ['MQTT_TLS_KEY_FILE', 'a PEM file'],
    ],
  },
  {
    set: 'KAFKA_SASL_MECHANISM',
    needs: [
      ['KAFKA_SASL_USERNAME', 'a user name'],
      ['KAFKA_SASL_PASSWORD', 'a password'],
    ],
  },
  ...(Object.keys(SOURCE_VARIABLES) as (keyof typeof SOURCE_VARIABLES)[])
    .filter((set) => set !== 'MQTT_SOURCE_URL')
    .map((set) => ({ set, needs: [['MQTT_SOURCE_URL', 'a list of addresses']] as const })),
  { set: 'JWT_JWKS_URL', needs: [['JWT_AUDIENCE', 'an audience']] },
  { set: 'MQTT_SOURCE_PASSWORD', needs: [['MQTT_SOURCE_USERNAME', 'a user name']] },
  { set: 'MQTT_SOURCE_CERT_FILE', needs: [['MQTT_SOURCE_KEY_FILE', 'a PEM file']] },
  { set: 'MQTT_SOURCE_KEY_FILE', needs: [['MQTT_SOURCE_CERT_FILE', 'a PEM file']] },
  {
    set: 'INFLUX_URL',
    needs: [
      ['INFLUX_TOKEN', 'a token'],
      ['INFLUX_ORG', 'an organisation'],
      ['INFLUX_BUCKET', 'a bucket'],
    ],
  },
];

function found(raw: string | undefined, secret: boolean): string {
  if (raw === undefined || secret) return '';
  // An address may carry a password, and a wrong one anywhere.
  return raw.includes('@') ? ', found something with an "@", not shown' : `, found ${JSON.stringify(raw)}`;
}

function rawValue(
  name: VariableName,
  secret: boolean,
  env: Environment,
  readFile: ReadFile,
  tell: Tell,
): string | undefined {
  const direct = env[name] || undefined;
  const file = secret ? env[`${name}_FILE`] || undefined : undefined;
  if (file === undefined) return direct;
  if (direct !== undefined) tell(name, `set it or ${name}_FILE, not both`);
  try {
    return readFile(file).trim();
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    tell(`${name}_FILE`, `expected a readable file (${why})`);
    return undefined;
  }
}

/** Judged here, because Node.js takes a file without any certificate for "trust nobody". */
function readCertificates(
  name: VariableName,
  file: string,
  readFile: ReadFile,
  tell: Tell,
): string | undefined {
  try {
    const pem = readFile(file);
    new X509Certificate(pem);
    return pem;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    tell(name, `expected a readable file of PEM certificates (${why})`);
    return undefined;
  }
}

function unknownNames(env: Environment): string[] {
  const known = new Set(
    Object.entries(VARIABLES).flatMap(([name, variable]) =>
      'secret' in variable ? [name, `${name}_FILE`] : [name],
    ),
  );
  return Object.keys(env).flatMap((name) => {
    if (known.has(name)) return [];
    const meant = similarName(name, known);
    if (meant === undefined && !/^(MQTT|KAFKA|INFLUX|JWT)_/.test(name)) return [];
    const hint = meant === undefined ? '' : ` (did you mean ${meant}?)`;
    return [`${name} is set, but the pipeline knows no such variable${hint}`];
  });
}
