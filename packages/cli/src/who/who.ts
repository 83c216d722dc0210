/** `sockcred who PATH|PID|FD@PID`: everything that can be told of who is there. */

import { escapeText, type PeerCredentials } from 'sockcred';
import { parsed } from '../command-line.ts';
import { EXIT, UsageError } from '../exit-codes.ts';
import { summary } from '../peer-summary.ts';
import { jsonLine, wantsColor } from '../terminal.ts';
import { atListener, behindDescriptor, type Target, targetOf, withProcess } from '../who-target.ts';
import { type Picture, pictureOfPeer, pictureOfProcess, pictureToJson } from './picture.ts';
import { pictureText } from './picture-text.ts';

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

interface WhoOptions {
  readonly name: string;
  readonly json: boolean;
}

function readOptions(args: readonly string[]): WhoOptions | 'help' {
  const { values, positionals } = parsed({
    args: [...args],
    options: { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  });
  if (values.help === true) return 'help';
  const [name, ...rest] = positionals;
  if (name === undefined || name === '' || name === '@')
    throw new UsageError('PATH, PID or FD@PID is missing');
  if (rest.length > 0)
    throw new UsageError(`one PATH, PID or FD@PID, please: '${escapeText(rest[0] ?? '')}' is one too many`);
  return { name, json: values.json === true };
}

type PeerPicture = Picture & { readonly credentials: PeerCredentials };

const picture = (fd: number, credentials: PeerCredentials): PeerPicture => ({
  ...pictureOfPeer(fd, credentials),
  credentials,
});

function tell(target: Target): { readonly picture: Picture; readonly title: string; readonly note: string } {
  switch (target.kind) {
    case 'path': {
      const found = atListener(target.path, picture);
      const title = `${escapeText(target.path)} is listened on by ${summary(found.credentials)}.`;
      return { picture: found, title, note: `\n\n${NOTE}` };
    }
    case 'process': {
      const { pid } = target;
      const found = withProcess(pid, pictureOfProcess);
      return { picture: found, title: `Process ${pid}, by its number, as it is now.`, note: '' };
    }
    default: {
      const { pid, fd } = target;
      const found = behindDescriptor(pid, fd, picture);
      const title = `At the other end of descriptor ${fd} of process ${pid} is ${summary(found.credentials)}.`;
      return { picture: found, title, note: '' };
    }
  }
}

export async function who(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(WHO_HELP);
    return EXIT.fine;
  }
  const told = tell(targetOf(options.name));
  if (options.json) {
    process.stdout.write(`${jsonLine(pictureToJson(told.picture))}\n`);
    return EXIT.fine;
  }
  const color = wantsColor(process.stdout, process.env);
  process.stdout.write(`${told.title}\n\n${pictureText(told.picture, color)}${told.note}\n`);
  return EXIT.fine;
}
