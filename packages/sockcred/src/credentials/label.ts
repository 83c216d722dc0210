/**
 * A security label: the bytes that the peer's security module attached to its
 * socket. What they mean is that module's business; SELinux counts a final
 * NUL, AppArmor does not.
 */

/** The label's bytes, and its text where it has one. */
export interface SecurityLabel {
  /** Exactly as the kernel gave them. */
  readonly bytes: readonly number[];
  /** Without one final NUL; absent if the bytes are not UTF-8 or have a NUL inside. */
  readonly text?: string;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The label that these bytes are. */
export function securityLabel(bytes: Uint8Array): SecurityLabel {
  const text = textOf(bytes);
  const copy = Object.freeze(Array.from(bytes));
  return Object.freeze(text === undefined ? { bytes: copy } : { bytes: copy, text });
}

function textOf(bytes: Uint8Array): string | undefined {
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  const content = bytes.subarray(0, end);
  if (content.includes(0)) return undefined;
  try {
    return utf8.decode(content);
  } catch {
    return undefined;
  }
}
