/**
 * Exceptions of code that is called back. Reports, connections and messages
 * come several at a time: what is thrown about one of them must not keep the
 * others from being given out, nor end the waiting for more.
 */

/** Makes it an uncaught exception of its own, as if it had been thrown by an event of the runtime. */
export function uncaught(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
