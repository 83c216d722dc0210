/** `sockcred who PATH`: whose process listens on a Unix socket. */

import { parseArgs } from 'node:util';
import {
  escapeText,
  formatPeer,
  listenerCredentials,
  type PeerCredentials,
  PeerError,
  peerToJson,
} from 'sockcred';
import { EXIT, NoError, SystemRefusal, UsageError } from './exit-codes.ts';
import { jsonLine, wantsColor } from './terminal.ts';
import { summary } from './whoami-server.ts';

export const WHO_HELP = `Usage: sockcred who [--json] PATH

Connects to the Unix socket at PATH and says whose process listens
there. @NAME is an abstract name.

  --json      the JSON form of PeerCredentials
  --help      this text
  --version   the version

It names whoever called listen(). Under socket activation that is the service
manager and not the program that answers, and connecting may start a service.
Exit status: 0 answered, 1 nobody listens there, 2 usage, 3 the system refused.
`;

const NOTE = `This is whoever called listen(). Under socket activation that is the service
manager, not the program that answers; and connecting, as was done just now,
may have started a service.`;

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
function listenerAt(name: string): PeerCredentials {
  try {
    return listenerCredentials(name);
  } catch (error) {
    if (!(error instanceof PeerError) || error.errno === undefined) throw error;
    const shown = escapeText(name);
    if (error.errno === 'ECONNREFUSED') throw new NoError(`${shown}: nobody listens there (${error.errno})`);
    if (error.errno === 'EPROTOTYPE') {
      throw new SystemRefusal(`${shown}: a datagram socket, which records no listener (${error.errno})`);
    }
    throw error;
  }
}

export async function who(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(WHO_HELP);
    return EXIT.fine;
  }
  const peer = listenerAt(options.name);
  if (options.json) {
    process.stdout.write(`${jsonLine(peerToJson(peer))}\n`);
    return EXIT.fine;
  }
  const color = wantsColor(process.stdout, process.env);
  process.stdout.write(
    `${escapeText(options.name)} is listened on by ${summary(peer)}.\n\n${formatPeer(peer, { color })}\n\n${NOTE}\n`,
  );
  return EXIT.fine;
}
