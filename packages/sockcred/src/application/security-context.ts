/**
 * What a security label says, taken apart. Pure. A label alone does not say
 * whose it is: the forms of SELinux and AppArmor are told apart by themselves;
 * those of Smack are plain words, of which only the kernel's module tells.
 * Anything else is left whole. It is of the peer's socket(2), not of its
 * connect(2): a process may have made the socket under another label.
 */

/** A label, by the module whose form it has. */
export type SecurityContext =
  | {
      readonly module: 'apparmor';
      /** The profiles in force together; one, unless they are stacked. Empty: unconfined. */
      readonly profiles: readonly string[];
      /** `enforce`, `complain`, `kill` and so on; absent where nothing is in force. */
      readonly mode?: string;
    }
  | {
      readonly module: 'selinux';
      readonly user: string;
      readonly role: string;
      readonly type: string;
      /** Level or range of a policy with levels. */
      readonly level?: string;
    }
  | { readonly module: 'smack'; readonly name: string }
  | { readonly module: 'other'; readonly text: string };

const WITH_MODE = /^(\S.*) \((enforce|complain|kill|unconfined|mixed|prompt|user)\)$/s;
/** smack(8): printable, without slash, backslash and quotes, and not like an option. */
const SMACK = /^(?!-)[!#-&(-.0-[\]-~]{1,255}$/;
const SELINUX = /^([A-Za-z_][\w.-]*):([A-Za-z_][\w.-]*):([A-Za-z_][\w.-]*)(?::(s\d[\w.,:-]*))?$/;

/**
 * Takes the text of a label apart. Of `smack` it is only if the caller knows that Smack gave it.
 *
 * @example
 * ```ts
 * import { securityContext } from 'sockcred/application';
 *
 * const context = securityContext('snap.hello.world (enforce)');
 * console.log(context.module === 'apparmor' && context.mode); // enforce
 * ```
 */
export function securityContext(text: string, module?: 'smack'): SecurityContext {
  if (module === 'smack') {
    return Object.freeze(SMACK.test(text) ? { module, name: text } : { module: 'other', text });
  }
  if (text === 'unconfined') return Object.freeze({ module: 'apparmor', profiles: Object.freeze([]) });
  const [, name, mode] = WITH_MODE.exec(text) ?? [];
  if (name !== undefined && mode !== undefined) {
    return Object.freeze({ module: 'apparmor', profiles: Object.freeze(name.split('//&')), mode });
  }
  const [, user, role, type, level] = SELINUX.exec(text) ?? [];
  if (user !== undefined && role !== undefined && type !== undefined) {
    return Object.freeze({ module: 'selinux', user, role, type, ...(level === undefined ? {} : { level }) });
  }
  return Object.freeze({ module: 'other', text });
}
