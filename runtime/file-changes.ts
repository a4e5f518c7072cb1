import { statSync } from 'node:fs';

const POLL_MS = 1_000;

/**
 * Tells when one of some files becomes another one. By polling, which also sees files on network drives and swapped
 * links (`certbot`, Kubernetes).
 *
 * The files' versions are noted at construction, which is to happen before they are read: a change in between is then
 * seen at the first look (`fs.watchFile` notes them some time later, and misses what came before).
 */
export class FileChanges implements Disposable {
  readonly #files: () => readonly string[];
  #version: string;
  #timer: NodeJS.Timeout | undefined;
  #onChange: () => void = () => undefined;

  /** @param files or how to list them, where files can come and go. */
  constructor(files: readonly string[] | (() => readonly string[])) {
    this.#files = typeof files === 'function' ? files : () => files;
    this.#version = versionOf(this.#files());
  }

  /** Calls `onChange`, which must not throw, after each change; it reads the files again. */
  watch(onChange: () => void, pollMs: number = POLL_MS): void {
    this.#onChange = onChange;
    const look = (): void => {
      const version = versionOf(this.#files());
      if (version === this.#version) return;
      this.#version = version;
      onChange();
    };
    this.#timer = setInterval(look, pollMs).unref();
  }

  /** As if they had changed: the operator asks for it. */
  readAgain(): void {
    this.#version = versionOf(this.#files());
    this.#onChange();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

/** Changes with the files. Any failure to look is a version of its own: reading then says why. */
function versionOf(files: readonly string[]): string {
  return files
    .map((file) => {
      try {
        const { ino, size, mtimeNs } = statSync(file, { bigint: true });
        return `${file} ${ino} ${size} ${mtimeNs}`;
      } catch {
        return 'unreadable';
      }
    })
    .join(', ');
}
