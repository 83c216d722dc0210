/**
 * The security label of a peer, with what it is worth: of its socket, as it was
 * made, where a socket is asked; of the process, as it is now, where there is
 * none. Both are the kernel's word. What a label names is another question:
 * whom nothing confines may enter a profile, or have made the socket in one.
 */

import type { PeerCredentials } from '../credentials/peer-credentials.ts';
import type { Binding } from '../process/graded.ts';
import type { Pin } from '../process/pin.ts';
import type { ProcessFiles } from '../process/process-files.ts';
import { smackIsActive } from '../sys/security-module.ts';
import { type SecurityContext, securityContext } from './security-context.ts';

/** A label and its grades. */
export interface ToldLabel {
  readonly context: SecurityContext;
  readonly binding: Binding;
  readonly authority: { readonly of: 'kernel' };
  readonly evidence: 'SO_PEERSEC' | 'procfs attr';
  /** `socket`: when the peer's socket was made. */
  readonly captured: 'socket' | 'now';
}

/** By module, and the one that came first last: with one module alone it has no directory of its own. */
const FILES = ['attr/apparmor/current', 'attr/smack/current', 'attr/current'] as const;

const KERNEL = Object.freeze({ of: 'kernel' });

function contextOf(text: string): SecurityContext {
  return smackIsActive() ? securityContext(text, 'smack') : securityContext(text);
}

/** Of a peer's socket. */
export function labelOfSocket(peer: PeerCredentials): ToldLabel | undefined {
  const text = peer.label?.text;
  if (text === undefined) return undefined;
  return Object.freeze({
    context: contextOf(text),
    binding: 'kernel',
    authority: KERNEL,
    evidence: 'SO_PEERSEC',
    captured: 'socket',
  });
}

function currentLabel(files: ProcessFiles): string | undefined {
  for (const name of FILES) {
    try {
      // Some modules end it with a newline, some with a NUL.
      const text = files.text(name).replace(/[\n\0]+$/, '');
      if (text !== '') return text;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A module that is built in and not in use says EINVAL.
      if (code !== 'ENOENT' && code !== 'EINVAL' && code !== 'EACCES' && code !== 'EPERM') throw error;
    }
  }
  return undefined;
}

/** Of a process that no socket was asked about. */
export function labelOfProcess(pin: Pin): ToldLabel | undefined {
  const text = pin.read(currentLabel);
  if (text === undefined) return undefined;
  return Object.freeze({
    context: contextOf(text),
    binding: pin.readBinding,
    authority: KERNEL,
    evidence: 'procfs attr',
    captured: 'now',
  });
}
