import { PipelineError } from '#runtime/errors.ts';
import { withoutLogin } from '#runtime/url-login.ts';

/** One whose answer has not come in this time, all of it, is down. Milliseconds. */
const PATIENCE_MS = 3_000;
/** Of one answer: that of 100,000 devices is less. */
const MAX_BYTES = 64 * 1024 * 1024;

/**
 * Another process of the pipeline, asked over HTTP. What it answers is believed as little as that it answers: it has a time and a
 * size, and where it redirects to is not asked, for nobody named that and it would be shown the token.
 */
export class TargetHttp {
  /** Without what may be secret in it. */
  readonly name: string;
  /** Without a slash at its end. */
  readonly #base: string;
  readonly #authorization: string | undefined;
  readonly #maxBytes: number;

  /** @param token `HTTP_TOKEN`, which all processes share; `undefined` = what the URL says, if anything. */
  constructor(url: string, token: string | undefined, maxBytes = MAX_BYTES) {
    this.#maxBytes = maxBytes;
    const { address, authorization } = withoutLogin(url);
    this.name = address.host + address.pathname.replace(/\/+$/, '');
    this.#base = `${address.protocol}//${this.name}`;
    this.#authorization = token === undefined ? authorization : `Bearer ${token}`;
  }

  /** @throws PipelineError `gateway-unavailable` with what it answered, or that it did not. */
  async text(path: string): Promise<string> {
    const { status, text } = await this.#ask(path);
    if (status !== 200) throw this.#unavailable(`answers ${path} with ${status}`);
    return text;
  }

  /** `undefined` = it knows nothing of that. @throws as {@link text} */
  async json(path: string): Promise<unknown> {
    const { status, text } = await this.#ask(path);
    if (status === 404) return undefined;
    if (status !== 200) throw this.#unavailable(`answers ${path} with ${status}`);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw this.#unavailable(`answers ${path} with no JSON`, error);
    }
  }

  async #ask(path: string): Promise<{ readonly status: number; readonly text: string }> {
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    try {
      const response = await fetch(this.#base + path, {
        headers: this.#authorization === undefined ? {} : { authorization: this.#authorization },
        redirect: 'manual',
        signal: AbortSignal.timeout(PATIENCE_MS),
      });
      for await (const chunk of response.body ?? []) {
        bytes += chunk.length;
        if (bytes > this.#maxBytes) break;
        chunks.push(chunk);
      }
      if (bytes <= this.#maxBytes) return { status: response.status, text: Buffer.concat(chunks).toString() };
    } catch (error) {
      throw this.#unavailable('does not answer', error);
    }
    throw this.#unavailable(`answers ${path} with too much`);
  }

  #unavailable(what: string, cause?: unknown): PipelineError {
    return new PipelineError('gateway-unavailable', `${this.name} ${what}`, { retryable: true, cause });
  }
}
