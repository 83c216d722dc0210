/** `sockcred ls`: the Unix sockets of this machine, and who holds them. */

import { setTimeout as delay } from 'node:timers/promises';
import { escapeText, PeerError, type UnixSocket, type UnixSockets, unixSockets } from 'sockcred';
import { peerApplication } from 'sockcred/application';
import { type HeldProcess, runningProcess } from 'sockcred/process';
import { parsed } from './command-line.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { jsonLine } from './terminal.ts';

export const LS_HELP = `Usage: sockcred ls [--all] [--uid UID] [--pid PID] [--name TEXT] [--json]
                   [--watch SECONDS]

The Unix sockets of this network namespace that listen, or are connected to
one that has a name, with the processes that hold them now.

  --all            every socket, nameless ones too
  --uid UID        only sockets that a process of this user holds
  --pid PID        only sockets that this process holds
  --name TEXT      only sockets with this text in their name or their peer's
  --json           one JSON object a line; schema/socket-line.v1.json of the library
  --watch SECONDS  again and again: what is new (+) and what is gone (-)
  --help           this text
  --version        the version

Who holds a socket need not be who connected it: 'sockcred who' asks the
socket. What cannot be seen without root is counted on stderr.
Exit status: 0 listed, 2 usage, 3 the system refused.
`;

interface LsOptions {
  readonly all: boolean;
  readonly json: boolean;
  readonly uid?: number;
  readonly pid?: number;
  readonly name?: string;
  readonly watch?: number;
}

/** A process as one line shows it. */
interface Who {
  readonly pid: number;
  readonly fd: number;
  readonly uid?: number;
  readonly program?: string;
  /** A unit, an application or a container; whose word it is 'sockcred who' tells. */
  readonly part?: string;
}

/** One socket as it is printed. */
interface Entry {
  readonly inode: number;
  readonly type: string;
  readonly state: string;
  readonly name?: string;
  readonly peerName?: string;
  readonly waiting: number;
  readonly holders: readonly Who[];
  readonly peers: readonly Who[];
}

function integer(flag: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
  throw new UsageError(`${flag}: '${escapeText(text)}' is no integer from ${least} to ${most}`);
}

function readOptions(args: readonly string[]): LsOptions | 'help' {
  const { values } = parsed({
    args: [...args],
    options: {
      all: { type: 'boolean' },
      json: { type: 'boolean' },
      uid: { type: 'string' },
      pid: { type: 'string' },
      name: { type: 'string' },
      watch: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  const uid = integer('--uid', values.uid, 0, 0xfffffffe);
  const pid = integer('--pid', values.pid, 1, 0x7fffffff);
  const watch = integer('--watch', values.watch, 1, 86_400);
  return {
    all: values.all === true,
    json: values.json === true,
    ...(uid === undefined ? {} : { uid }),
    ...(pid === undefined ? {} : { pid }),
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(watch === undefined ? {} : { watch }),
  };
}

/** The innermost thing that the process is part of, if that can be told. */
function partOf(held: HeldProcess): string | undefined {
  try {
    const [claim] = peerApplication(held).claims;
    return claim?.applicationId ?? claim?.instanceId ?? claim?.userUnit ?? claim?.unit ?? claim?.slice;
  } catch (error) {
    if (error instanceof PeerError) return undefined;
    throw error;
  }
}

function lookAt(pid: number): Omit<Who, 'fd'> {
  let held: HeldProcess;
  try {
    held = runningProcess(pid);
  } catch (error) {
    if (error instanceof PeerError) return { pid };
    throw error;
  }
  try {
    const { ids } = held.now();
    const uid = ids.known ? ids.value.effectiveUid : undefined;
    const { executable } = held.describe();
    const part = partOf(held);
    return {
      pid,
      ...(uid === undefined ? {} : { uid }),
      ...(executable.known ? { program: executable.value.path } : {}),
      ...(part === undefined ? {} : { part }),
    };
  } catch (error) {
    if (error instanceof PeerError) return { pid };
    throw error;
  } finally {
    held.close();
  }
}

function entriesOf({ sockets }: UnixSockets, options: LsOptions): readonly Entry[] {
  const byInode = new Map(sockets.map(socket => [socket.inode, socket]));
  const seen = new Map<number, Omit<Who, 'fd'>>();
  const whoHolds = (socket: UnixSocket | undefined): readonly Who[] =>
    (socket?.holders ?? []).map(({ pid, fd }) => {
      const known = seen.get(pid) ?? lookAt(pid);
      seen.set(pid, known);
      return { ...known, fd };
    });
  return sockets.flatMap(socket => {
    const peer = socket.peer === undefined ? undefined : byInode.get(socket.peer);
    if (!wanted(socket, peer, options)) return [];
    const { inode, type, state, name, waiting } = socket;
    const holders = whoHolds(socket);
    if (options.uid !== undefined && !holders.some(({ uid }) => uid === options.uid)) return [];
    const entry: Entry = {
      inode,
      type,
      state,
      ...(name === undefined ? {} : { name }),
      ...(peer?.name === undefined ? {} : { peerName: peer.name }),
      waiting,
      holders,
      peers: whoHolds(peer),
    };
    return [entry];
  });
}

/** What can be told without looking at a process. */
function wanted(socket: UnixSocket, peer: UnixSocket | undefined, options: LsOptions): boolean {
  const names = [socket.name, peer?.name].filter(name => name !== undefined);
  if (!options.all && socket.state !== 'listening' && names.length === 0) return false;
  if (options.pid !== undefined && !socket.holders.some(({ pid }) => pid === options.pid)) return false;
  const { name: text } = options;
  return text === undefined || names.some(name => name.includes(text));
}

function whoText(list: readonly Who[]): string {
  if (list.length === 0) return '?';
  return list
    .map(({ pid, uid, program, part }) => {
      const words = [`pid ${pid}`, ...(uid === undefined ? [] : [`uid ${uid}`])];
      if (program !== undefined) words.push(program);
      if (part !== undefined) words.push(`(${part})`);
      return words.join(' ');
    })
    .join(', ');
}

function text({ type, state, name, peerName, waiting, holders, peers }: Entry): string {
  const where = name ?? (peerName === undefined ? '-' : `-> ${peerName}`);
  const queue = waiting === 0 ? '' : `, ${waiting} waiting`;
  const other = peers.length === 0 ? '' : ` with ${whoText(peers)}`;
  return escapeText(`${where}  ${state} ${type}${queue}  ${whoText(holders)}${other}`);
}

function warn({ unseenProcesses, interrupted }: UnixSockets): void {
  const say = (what: string) => process.stderr.write(`sockcred: ${what}\n`);
  if (unseenProcesses > 0) {
    say(`the descriptors of ${unseenProcesses} processes cannot be seen; root sees all`);
  }
  if (interrupted) say('sockets came or went while they were listed: some may be missing');
}

/** Prints what is new and what is gone, until the process is ended. */
async function watch(options: LsOptions, seconds: number): Promise<never> {
  let before = new Map<string, Entry>();
  for (;;) {
    const now = new Map(
      entriesOf(unixSockets(), options).map(entry => [`${entry.inode} ${entry.state}`, entry]),
    );
    const print = (sign: '+' | '-', entry: Entry) =>
      process.stdout.write(
        options.json
          ? `${jsonLine({ change: sign === '+' ? 'new' : 'gone', ...entry })}\n`
          : `${sign} ${text(entry)}\n`,
      );
    for (const [key, entry] of before) if (!now.has(key)) print('-', entry);
    for (const [key, entry] of now) if (!before.has(key)) print('+', entry);
    before = now;
    await delay(seconds * 1000);
  }
}

export async function ls(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(LS_HELP);
    return EXIT.fine;
  }
  const listed = unixSockets();
  warn(listed);
  if (options.watch !== undefined) return watch(options, options.watch);
  for (const entry of entriesOf(listed, options)) {
    process.stdout.write(options.json ? `${jsonLine(entry)}\n` : `${text(entry)}\n`);
  }
  return EXIT.fine;
}
