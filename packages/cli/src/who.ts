/** `sockcred who PATH|PID|FD@PID`: everything that can be told of who is there. */

import { parseArgs } from 'node:util';
import { escapeText, type PeerCredentials, PeerError, peerCredentials, withListener } from 'sockcred';
import { duplicateDescriptor, type HeldProcess, runningProcess } from 'sockcred/process';
import { EXIT, NoError, SystemRefusal, UsageError } from './exit-codes.ts';
import { type Picture, pictureOfPeer, pictureOfProcess, pictureToJson } from './picture.ts';
import { pictureText } from './picture-text.ts';
import { jsonLine, wantsColor } from './terminal.ts';
import { summary } from './whoami-server.ts';

export const WHO_HELP = `Usage: sockcred who [--json] PATH | PID | FD@PID

Who is there: credentials, process and application, each with who vouches for
it and how surely.

  PATH        connects to the Unix socket there, and tells whose process
              listens; @NAME is an abstract name, ./123 a path of digits
  PID         tells of the process that has this number now
  FD@PID      tells who is at the other end of that process's socket FD; this
              needs the right to trace it

  --json      one JSON object: credentials (the JSON form of PeerCredentials),
              process, application; schema/peer-picture.v1.json of the library
  --help      this text
  --version   the version

Of a PATH it names whoever called listen(). Under socket activation that is the
service manager and not the program that answers, and connecting may
start a service.
Exit status: 0 answered, 1 nobody is there, 2 usage, 3 the system refused.
`;

const NOTE = `This is whoever called listen(). Under socket activation that is the service
manager, not the program that answers; and connecting, as was done just now,
may have started a service.`;

type Target =
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'process'; readonly pid: number }
  | { readonly kind: 'descriptor'; readonly pid: number; readonly fd: number };

const MOST = 0x7fffffff;

function targetOf(word: string): Target {
  const [, fd, pid] = /^(?:(\d{1,10})@)?(\d{1,10})$/.exec(word) ?? [];
  if (pid === undefined) return { kind: 'path', path: word };
  if (Number(pid) === 0 || Number(pid) > MOST) throw new UsageError(`'${word}': there is no process ${pid}`);
  if (fd === undefined) return { kind: 'process', pid: Number(pid) };
  if (Number(fd) > MOST) throw new UsageError(`'${word}': there is no descriptor ${fd}`);
  return { kind: 'descriptor', pid: Number(pid), fd: Number(fd) };
}

interface WhoOptions {
  readonly name: string;
  readonly json: boolean;
}

function readOptions(args: readonly string[]): WhoOptions | 'help' {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help === true) return 'help';
  const [name, ...rest] = positionals;
  if (name === undefined || name === '' || name === '@') throw new UsageError('PATH is missing');
  if (rest.length > 0)
    throw new UsageError(`one PATH, please: '${escapeText(rest[0] ?? '')}' is one too many`);
  return { name, json: values.json === true };
}

/** Nobody listening is an answer; everything else that fails is the system's refusal. */
function listenerAt(path: string): Picture & { readonly credentials: PeerCredentials } {
  try {
    return withListener(path, fd => {
      const credentials = peerCredentials(fd, { side: 'connected' });
      return { ...pictureOfPeer(fd, credentials), credentials };
    });
  } catch (error) {
    if (!(error instanceof PeerError) || error.errno === undefined) throw error;
    const shown = escapeText(path);
    if (error.errno === 'ECONNREFUSED') throw new NoError(`${shown}: nobody listens there (${error.errno})`);
    if (error.errno === 'EPROTOTYPE') {
      throw new SystemRefusal(`${shown}: a datagram socket, which records no listener (${error.errno})`);
    }
    throw error;
  }
}

function withProcess<T>(pid: number, ask: (held: HeldProcess) => T): T {
  let held: HeldProcess;
  try {
    held = runningProcess(pid);
  } catch (error) {
    if (error instanceof PeerError && error.code === 'ERR_PEER_GONE') throw new NoError(error.message);
    throw error;
  }
  try {
    return ask(held);
  } finally {
    held.close();
  }
}

function behindDescriptor(pid: number, fd: number): Picture & { readonly credentials: PeerCredentials } {
  return withProcess(pid, held => {
    const duplicate = duplicateDescriptor(held, fd);
    try {
      const credentials = peerCredentials(duplicate.fd);
      return { ...pictureOfPeer(duplicate.fd, credentials), credentials };
    } finally {
      duplicate.close();
    }
  });
}

function tell(target: Target): { readonly picture: Picture; readonly title: string; readonly note: string } {
  switch (target.kind) {
    case 'path': {
      const picture = listenerAt(target.path);
      const title = `${escapeText(target.path)} is listened on by ${summary(picture.credentials)}.`;
      return { picture, title, note: `\n\n${NOTE}` };
    }
    case 'process': {
      const { pid } = target;
      const picture = withProcess(pid, pictureOfProcess);
      return { picture, title: `Process ${pid}, by its number, as it is now.`, note: '' };
    }
    default: {
      const { pid, fd } = target;
      const picture = behindDescriptor(pid, fd);
      const title = `At the other end of descriptor ${fd} of process ${pid} is ${summary(picture.credentials)}.`;
      return { picture, title, note: '' };
    }
  }
}

export async function who(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(WHO_HELP);
    return EXIT.fine;
  }
  const { picture, title, note } = tell(targetOf(options.name));
  if (options.json) {
    process.stdout.write(`${jsonLine(pictureToJson(picture))}\n`);
    return EXIT.fine;
  }
  const color = wantsColor(process.stdout, process.env);
  process.stdout.write(`${title}\n\n${pictureText(picture, color)}${note}\n`);
  return EXIT.fine;
}
