/** `sockcred ls`: the Unix sockets of this machine, and who holds them. */

import { setTimeout as delay } from 'node:timers/promises';
import { PeerError, type UnixSockets, unixSockets } from 'sockcred';
import { onHangup } from 'sockcred/relay';
import { EXIT } from '../exit-codes.ts';
import { jsonLine } from '../terminal.ts';
import { type Entry, entriesOf, entryToJson } from './ls-entries.ts';
import { type LsOptions, readOptions } from './ls-options.ts';
import { textLines } from './ls-text.ts';

export const LS_HELP = `Usage: sockcred ls [--all] [--uid UID | --user NAME] [--pid PID] [--name TEXT]
                   [--unit UNIT] [--app NAME] [--state STATE] [--type TYPE]
                   [--json] [--watch SECONDS]

The Unix sockets of this network namespace that listen, or are connected to
one that has a name, with the processes that hold them now. Each connection is
there once; lines with 'with' are its other end, with 'also' further holders,
with 'waits' whoever connects and is not accepted.

  --all            every socket, nameless ones too
  --uid UID        only where a process of this user holds an end
  --user NAME      the same, by a name in /etc/passwd
  --pid PID        only where this process holds an end
  --name TEXT      only with this text in the name of an end
  --unit UNIT      only where a process of this systemd unit holds an end
  --app NAME       only where this application or container holds an end
  --state STATE    listening, connected or other
  --type TYPE      stream, datagram, seqpacket or other
  --json           one JSON object a line: schema/socket-line.v1.json
  --watch SECONDS  again and again: what was there at first (=), is new (+), has
                   another holder or state (~) and is gone (-); ends when
                   nobody reads it any more
  --help           this text
  --version        the version

FD@PID is a word for 'sockcred who': who holds a socket need not be who
connected it, and that one asks the socket. PART is a unit, an application or
a container; what its own user or itself could have made up is marked.
? is what cannot be told; --json has the reasons. Names are in quotes where
they have more than printable ASCII. What cannot be seen is counted on stderr.
Exit status: 0 listed, 2 usage, 3 the system refused.
`;

const JSON_VERSION = 1;

function line(entry: Entry, change?: string): string {
  return jsonLine({
    schemaVersion: JSON_VERSION,
    ...(change === undefined ? {} : { change }),
    ...entryToJson(entry),
  });
}

const count = (number: number, one: string, many: string) => `${number} ${number === 1 ? one : many}`;

/** What is not in the list, or only in part. */
function warn(listed: UnixSockets, entries: readonly Entry[]): void {
  const say = (what: string) => process.stderr.write(`sockcred: ${what}\n`);
  const { unseenProcesses, hiddenProcesses, processesInOtherNetworks, interrupted } = listed;
  if (unseenProcesses > 0) {
    say(`the descriptors of ${count(unseenProcesses, 'process', 'processes')} cannot be seen; root sees all`);
  }
  if (hiddenProcesses)
    say('/proc is missing, or mounted with hidepid=: processes of others are not seen at all');
  const unheld = entries.filter(({ state, holders }) => state === 'listening' && holders.length === 0);
  if (unheld.length > 0) {
    say(
      `${count(unheld.length, 'listening socket has', 'listening sockets have')} no holder that can be seen`,
    );
  }
  const untold = entries
    .flatMap(({ holders, peers, waiters }) => [...holders, ...peers, ...waiters.flatMap(one => one.holders)])
    .filter(({ unknown }) => unknown !== undefined);
  if (untold.length > 0) {
    say(
      `of ${count(untold.length, 'holder', 'holders')} it cannot be told which process it is; --json says why`,
    );
  }
  if (processesInOtherNetworks > 0) {
    const many = count(processesInOtherNetworks, 'process is', 'processes are');
    say(`${many} in other network namespaces, whose sockets are not in this list`);
  }
  if (interrupted) say('sockets came or went while they were listed: some may be missing');
}

/** Has whoever read our lines gone away? Nobody reads a file or a terminal in that sense. */
function readerGone(): AbortSignal {
  const gone = new AbortController();
  process.stdout.once('error', () => gone.abort());
  try {
    onHangup(process.stdout.fd, () => gone.abort());
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
  }
  return gone.signal;
}

const CHANGES = { '=': 'present', '+': 'new', '~': 'changed', '-': 'gone' } as const;

type Change = { readonly sign: keyof typeof CHANGES; readonly entry: Entry };

/** What must be the same for a socket to be told of no more: not how many wait, which changes all the time. */
function fingerprint({ state, name, leadsHere, holders, peerInode, peerName, peers }: Entry): string {
  const who = [...holders, '', ...peers].map(one =>
    typeof one === 'string'
      ? one
      : [one.pid, one.fd, one.thread, one.unknown ?? [one.id, one.uid, one.program]],
  );
  return JSON.stringify([state, name, leadsHere, peerInode, peerName, who]);
}

function changes(before: ReadonlyMap<number, Entry> | undefined, now: ReadonlyMap<number, Entry>): Change[] {
  const gone = [...(before ?? [])].filter(([inode]) => !now.has(inode));
  const here = [...now].flatMap(([inode, entry]): readonly Change[] => {
    const known = before?.get(inode);
    if (before === undefined) return [{ sign: '=', entry }];
    if (known === undefined) return [{ sign: '+', entry }];
    return fingerprint(known) === fingerprint(entry) ? [] : [{ sign: '~', entry }];
  });
  return [...gone.map(([, entry]): Change => ({ sign: '-', entry })), ...here];
}

/** Prints what is there and then what changes, until nobody reads it or the process is ended. */
async function watch(options: LsOptions, seconds: number): Promise<void> {
  const gone = readerGone();
  let before: ReadonlyMap<number, Entry> | undefined;
  while (!gone.aborted) {
    const listed = unixSockets();
    const entries = entriesOf(listed, options);
    if (before === undefined) warn(listed, entries);
    const now = new Map(entries.map(entry => [entry.inode, entry]));
    const news = changes(before, now);
    const lines = options.json
      ? news.map(({ sign, entry }) => line(entry, CHANGES[sign]))
      : textLines(news, before === undefined);
    if (lines.length > 0) process.stdout.write(`${lines.join('\n')}\n`);
    before = now;
    await delay(seconds * 1000, undefined, { signal: gone }).catch(() => {});
  }
}

export async function ls(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(LS_HELP);
    return EXIT.fine;
  }
  if (options.watch !== undefined) {
    await watch(options, options.watch);
    return EXIT.fine;
  }
  const listed = unixSockets();
  const entries = entriesOf(listed, options);
  warn(listed, entries);
  const lines = options.json
    ? entries.map(entry => line(entry))
    : textLines(
        entries.map(entry => ({ entry })),
        true,
      );
  for (const text of lines) process.stdout.write(`${text}\n`);
  return EXIT.fine;
}
