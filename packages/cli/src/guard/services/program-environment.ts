/**
 * Who the peer is, in a program's environment: UCSPI as s6-ipcserverd(1) has it,
 * and more under names of our own. What is not known is unset; what was there under these
 * names before never stays, whoever put it there.
 *
 * @see https://skarnet.org/software/s6/s6-ipcserverd.html
 */

import type { PeerCredentials } from 'sockcred';
import type { AdmittedConnection } from 'sockcred/gate';

/** One variable may have 128 KiB on Linux, execve(2); more groups than fit in this are not told. */
const MOST_TEXT = 0x10000;

/** UCSPI's names of any transport, ours, and what the service manager tells the guard alone. */
const CLEARED =
  /^(?:PROTO|(?:IPC|UNIX|TCP|UDP|SSL)(?:LOCAL|REMOTE|CONN)\w*|SOCKCRED_\w*|LISTEN_(?:PID|FDS|FDNAMES|PIDFDID)|NOTIFY_SOCKET|WATCHDOG_\w*|MAINPID)$/;

/** Text that a program can take for one value: no more lines, and nothing that is no text. */
function plain(text: string | undefined): string | undefined {
  return text === undefined || /\p{Cc}/u.test(text) || text.length > MOST_TEXT ? undefined : text;
}

function list(values: readonly (string | number)[] | undefined): string | undefined {
  const text = values?.join(' ');
  return text === undefined || text.length > MOST_TEXT ? undefined : text;
}

/** Why these roles cannot be told as words. */
function rolesFault(roles: readonly string[]): string | undefined {
  const bad = roles.some(role => /[\s\p{Cc}]/u.test(role) || role === '');
  return bad ? 'a role with a space in it cannot be told in a list of words' : undefined;
}

interface Told {
  /** Connections of this user that are open, this one included. */
  readonly ofThisUser: number;
  readonly localPath: string | undefined;
}

function variables(peer: PeerCredentials, roles: readonly string[], told: Told) {
  return {
    PROTO: 'IPC',
    IPCREMOTEEUID: peer.uid,
    IPCREMOTEEGID: peer.gid,
    IPCCONNNUM: peer.uid === undefined ? undefined : told.ofThisUser,
    IPCLOCALPATH: told.localPath,
    SOCKCRED_UID: peer.uid,
    SOCKCRED_GID: peer.gid,
    SOCKCRED_PID: peer.pid,
    SOCKCRED_GROUPS: list(peer.groups),
    SOCKCRED_LABEL: plain(peer.label?.text),
    SOCKCRED_ROLES: roles.length === 0 ? undefined : list(roles),
  };
}

/**
 * The environment of a program that serves this connection.
 *
 * @throws an error for roles that cannot be told: leaving one out could make a program do more than it should.
 */
export function programEnvironment(
  inherited: NodeJS.ProcessEnv,
  { peer, decision }: Pick<AdmittedConnection, 'peer' | 'decision'>,
  told: Told,
): NodeJS.ProcessEnv {
  const fault = rolesFault(decision.roles);
  if (fault !== undefined) throw new Error(fault);
  const kept = Object.entries(inherited).filter(([name]) => !CLEARED.test(name));
  const given = Object.entries(variables(peer, decision.roles, told))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, `${value}`] as const);
  return Object.fromEntries([...kept, ...given]);
}
