import { PipelineError } from '#runtime/errors.ts';

/** One that does not answer in this time is down. Milliseconds. */
const PATIENCE_MS = 3_000;
/** Of one answer: 10,000 devices are less. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Another process of the pipeline, asked over HTTP. */
export class TargetHttp {
  /** Without what may be secret in it. */
  readonly name: string;
  readonly #url: URL;
  readonly #token: string | undefined;

  /** @param token `HTTP_TOKEN`, which all processes share. */
  constructor(url: string, token: string | undefined) {
    this.#url = new URL(url);
    this.name = this.#url.host;
    this.#token = token;
  }

  /** @throws PipelineError `gateway-unavailable` with what it answered, or that it did not. */
  async text(path: string): Promise<string> {
    const response = await this.#ask(path);
    if (!response.ok) throw unavailable(`${this.name} answers ${path} with ${response.status}`);
    return response.text();
  }

  /** `undefined` = it knows nothing of that. @throws as {@link text} */
  async json(path: string): Promise<unknown> {
    const response = await this.#ask(path);
    if (response.status === 404) return undefined;
    if (!response.ok) throw unavailable(`${this.name} answers ${path} with ${response.status}`);
    return response.json();
  }

  async #ask(path: string): Promise<Response> {
    const headers = this.#token === undefined ? {} : { authorization: `Bearer ${this.#token}` };
    let response: Response;
    try {
      response = await fetch(new URL(path, this.#url), { headers, signal: AbortSignal.timeout(PATIENCE_MS) });
    } catch (error) {
      throw unavailable(`${this.name} does not answer`, error);
    }
    if (Number(response.headers.get('content-length') ?? 0) > MAX_BYTES)
      throw unavailable(`${this.name} answers ${path} with too much`);
    return response;
  }
}

function unavailable(message: string, cause?: unknown): PipelineError {
  return new PipelineError('gateway-unavailable', message, { retryable: true, cause });
}
