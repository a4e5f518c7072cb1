import { constants, type X509Certificate } from 'node:crypto';
import type { Server, TLSSocket, TlsOptions } from 'node:tls';
import type { IngestTelemetry } from '#ingest-gateway/telemetry.ts';
import { describeError } from '#runtime/errors.ts';
import { FileChanges } from '#runtime/file-changes.ts';
import { commonNamesOf } from '#runtime/peer-certificate.ts';
import { firstExpiryIn, readTlsFiles, type TlsFiles, type TlsIdentity } from './tls-files.ts';
import { isTrusted } from './trusted-certificate.ts';

/**
 * With a key exchange that keeps what was recorded secret when the key becomes known (no static RSA), and with an
 * authenticated cipher. The first three are those of TLS 1.3.
 */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** A device's certificate, and what it came with. */
export interface DeviceCertificate {
  /** Common name. An empty one is no device id, and refused. */
  readonly name: string;
  readonly certificate: X509Certificate | undefined;
}

/**
 * Certificate, key, authorities and revocations of the TLS listeners: read again when their files change, so a renewed
 * certificate needs no restart. While they cannot be used (half written, or the new certificate is there and its key is
 * not yet), those loaded before stay in force.
 *
 * New files hold for the handshakes that come then. A device that is connected with a certificate which they do not
 * trust any more must leave: `onChanged` tells, `isTrusted` says who.
 */
export class TlsInForce implements Disposable {
  readonly #files: TlsFiles;
  readonly #telemetry: IngestTelemetry;
  readonly #changes: FileChanges;
  readonly #servers: Server[] = [];
  #problem: string | undefined;
  #identity: TlsIdentity;

  /** @throws PipelineError `configuration`: a file is unreadable or no PEM, the key does not fit, a cipher is unknown. */
  constructor(
    files: TlsFiles,
    telemetry: IngestTelemetry,
    { pollMs, onChanged }: { readonly pollMs: number | undefined; readonly onChanged: () => void },
  ) {
    const { certFile, keyFile, caFile, crlFile } = files;
    this.#files = files;
    this.#telemetry = telemetry;
    this.#changes = new FileChanges(
      [certFile, keyFile, caFile, crlFile].filter((file) => file !== undefined),
    );
    this.#identity = readTlsFiles(files, CIPHERS);
    this.#tellExpiry();
    this.#changes.watch(() => {
      if (this.#reload()) onChanged();
    }, pollMs);
  }

  /** For `createServer` of TLS and HTTPS. */
  get serverOptions(): TlsOptions {
    const asksForCertificates = this.#files.caFile !== undefined;
    return {
      ...this.#identity,
      honorCipherOrder: true,
      // TLS 1.2 alone has it, no device needs it, and each one costs a handshake.
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
      requestCert: asksForCertificates,
      rejectUnauthorized: asksForCertificates,
    };
  }

  /** The server gets new files when they come. */
  serve(server: Server): void {
    this.#servers.push(server);
  }

  /** `undefined` = none was asked for. */
  certificateOf(socket: TLSSocket): DeviceCertificate | undefined {
    if (this.#files.caFile === undefined) return undefined;
    const certificate = socket.getPeerX509Certificate();
    const [name = '', ...others] = certificate === undefined ? [] : commonNamesOf(certificate);
    return { name: others.length > 0 ? '' : name, certificate };
  }

  /** Whether a new handshake with this certificate would be accepted. */
  isTrusted({ certificate }: DeviceCertificate): boolean {
    return certificate !== undefined && isTrusted(certificate, this.#identity);
  }

  /** The operator asks for it. */
  readAgain(): void {
    this.#changes.readAgain();
  }

  /** Why the files cannot be used as they are now; `undefined` = what is in force is what they say. */
  get problem(): string | undefined {
    return this.#problem;
  }

  [Symbol.dispose](): void {
    this.#changes[Symbol.dispose]();
  }

  #reload(): boolean {
    try {
      this.#identity = readTlsFiles(this.#files, CIPHERS);
      for (const server of this.#servers) server.setSecureContext(this.serverOptions);
      this.#problem = undefined;
      this.#tellExpiry();
      return true;
    } catch (error) {
      this.#problem = describeError(error);
      this.#telemetry.certificateUnusable(this.#problem);
      return false;
    }
  }

  #tellExpiry(): void {
    const { cert, ca } = this.#identity;
    this.#telemetry.certificatesLoaded(this.#files.certFile, {
      server: firstExpiryIn(cert),
      ...(ca !== undefined && { ca: firstExpiryIn(ca) }),
    });
  }
}
