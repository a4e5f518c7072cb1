import { statSync } from 'node:fs';
import { z } from 'zod';
import { assertNotWritableForAll } from '#ingest-gateway/devices/rewrite-file.ts';
import { PipelineError } from '#runtime/errors.ts';
import { readText } from '#runtime/read-text.ts';

/** Bytes of a key set, and keys in it: those of the large providers have ten. */
export const KEY_SET_BYTES = 256 * 1024;
const MOST_KEYS = 100;

const keySchema = z.looseObject({ kty: z.string(), kid: z.string().optional(), use: z.string().optional() });
const setSchema = z.looseObject({ keys: z.array(keySchema).max(MOST_KEYS) });

/** A public key as RFC 7517 writes it. */
export type PublicKey = z.infer<typeof keySchema>;

/** Public keys by which tokens are signed. */
export interface KeySet {
  readonly keys: readonly PublicKey[];
}

/**
 * The keys of a set that signatures can be checked with. What is no key for signatures, or of a kind that is not known, is
 * left out: a set may hold keys for others. A secret in it is refused: whoever can read it can make tokens.
 *
 * @throws PipelineError `configuration` saying what is wrong, without the content.
 */
export function parseKeySet(text: string): KeySet {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw wrong('it is not JSON');
  }
  const parsed = setSchema.safeParse(content);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw wrong(`it is no key set (RFC 7517): ${issue?.path.join('.')} ${issue?.message}`);
  }
  const { keys } = parsed.data;
  if (keys.some((key) => 'd' in key)) throw wrong('it holds a private key');
  if (keys.some(({ kty }) => kty === 'oct')) throw wrong('it holds a secret key (kty "oct")');
  const usable = keys.filter(
    ({ kty, use }) => ['RSA', 'EC', 'OKP'].includes(kty) && (use === undefined || use === 'sig'),
  );
  if (usable.length === 0) throw wrong('it holds no key for signatures');
  return { keys: usable };
}

/** @throws PipelineError `configuration` naming the variable. */
export function readKeySet(file: string): KeySet {
  try {
    assertNotWritableForAll('JWT_JWKS_FILE', file, statSync(file));
    return parseKeySet(readText(file));
  } catch (cause) {
    if (cause instanceof PipelineError && cause.message.startsWith('JWT_')) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new PipelineError(
      'configuration',
      `JWT_JWKS_FILE: expected a file of public keys, ${file} is none: ${why}`,
    );
  }
}

function wrong(why: string): PipelineError {
  return new PipelineError('configuration', why);
}
