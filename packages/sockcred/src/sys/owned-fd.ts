/** Descriptors that belong to one object, so that each is closed once and no number is used after that. */

import { addon } from './addon.ts';
import { closeDescriptor } from './descriptor.ts';

const forgotten = new FinalizationRegistry<number>(fd => addon().close(fd));

/**
 * A file descriptor that came from another process, close-on-exec. Whoever wants it
 * takes it; what is neither taken nor closed is closed when the object is
 * collected.
 *
 * @remarks
 * Deno's `node:fs` knows no descriptor but its own. There a file is opened anew as
 * `/proc/self/fd/N`, and closing is left to this object.
 *
 * @example
 * ```ts
 * import { UnixStream } from 'sockcred/messages';
 * import { fstatSync } from 'node:fs';
 *
 * export async function firstFile(stream: UnixStream): Promise<number | undefined> {
 *   for await (const { fds } of stream) {
 *     const [file] = fds;
 *     if (file !== undefined && fstatSync(file.fd).isFile()) return file.take(); // ours to close now
 *   }
 *   return undefined;
 * }
 * ```
 *
 * @see https://man7.org/linux/man-pages/man7/unix.7.html SCM_RIGHTS
 */
export class ReceivedFd {
  #fd: number;

  /** @internal */
  constructor(fd: number) {
    this.#fd = fd;
    forgotten.register(this, fd, this);
  }

  /** The number, to be used while this object has it; -1 once it was taken or closed. */
  get fd(): number {
    return this.#fd;
  }

  /** Hands the descriptor over: the caller closes it. -1 if that has happened already. */
  take(): number {
    const fd = this.#fd;
    this.#fd = -1;
    forgotten.unregister(this);
    return fd;
  }

  /** Closes the descriptor, unless it was taken. */
  close(): void {
    const fd = this.take();
    if (fd !== -1) closeDescriptor(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
