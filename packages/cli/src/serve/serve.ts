/** `sockcred serve`: a whoami server on a Unix socket. */

import type { Server } from 'node:http';
import { escapeText, type Listening, listenAt } from 'sockcred';
import { activatedDescriptors } from '../activation.ts';
import { parsed } from '../command-line.ts';
import { EXIT, SystemRefusal, UsageError } from '../exit-codes.ts';
import { modeOf, octal } from '../socket-mode.ts';
import { shellWord } from '../terminal.ts';
import { defaultPath } from './default-path.ts';
import { jsonLog, type Log, textLog } from './log.ts';
import { createWhoamiServer } from './whoami-server.ts';

export const SERVE_HELP = `Usage: sockcred serve [--listen PATH] [--mode MODE] [--log text|json]

Serves HTTP on a Unix socket: GET / tells the caller who the kernel says they
are, as text, or as JSON with 'Accept: application/json'.

  --listen PATH   where to listen; @NAME is an abstract name
                  (default: $XDG_RUNTIME_DIR/sockcred/whoami.sock, else a
                  directory of your own in the temp directory)
  --mode MODE     permissions of the socket file, octal (default: 0600; 0666
                  lets every user connect)
  --log FORMAT    text (default) or json: one line per request on stdout
  --help          this text
  --version       the version

Listens on the sockets of sd_listen_fds(3) instead when it is given some.
SIGINT and SIGTERM end it and remove the socket.
`;

/** After this the connections that are still open are cut. */
const GRACE_MS = 2000;

interface ServeOptions {
  readonly listen?: string;
  readonly mode?: number;
  readonly log: 'text' | 'json';
}

function readOptions(args: readonly string[]): ServeOptions | 'help' {
  const { values } = parsed({
    args: [...args],
    options: {
      listen: { type: 'string' },
      mode: { type: 'string' },
      log: { type: 'string', default: 'text' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return 'help';
  if (values.log !== 'text' && values.log !== 'json')
    throw new UsageError(`--log: '${escapeText(values.log)}' is neither text nor json`);
  if (values.listen === '' || values.listen === '@') throw new UsageError('--listen: the path is empty');
  if (values.mode !== undefined && values.listen?.startsWith('@') === true) {
    throw new UsageError('--mode: an abstract name has no permissions');
  }
  return {
    log: values.log,
    ...(values.listen === undefined ? {} : { listen: values.listen }),
    ...(values.mode === undefined ? {} : { mode: modeOf('--mode', values.mode) }),
  };
}

/** Whatever listens, and how to end it. */
interface Running {
  readonly servers: readonly Server[];
  close(): Promise<void>;
}

/** The client that the first lines suggest. */
function curlLine(path: string): string {
  const option = path.startsWith('@')
    ? `--abstract-unix-socket ${shellWord(path.slice(1))}`
    : `--unix-socket ${shellWord(path)}`;
  return `curl ${option} http://localhost/`;
}

async function listenOnPath(options: ServeOptions, log: Log, say: (line: string) => void): Promise<Running> {
  const server = createWhoamiServer(log);
  const mode = options.mode ?? 0o600;
  const listening: Listening = await listenAt(server, options.listen ?? defaultPath(process.env), { mode });
  const abstract = listening.path.startsWith('@');
  log.listening(listening.path, abstract ? undefined : octal(mode));
  say(`sockcred is listening on ${escapeText(listening.path)}${abstract ? '' : ` (mode ${octal(mode)})`}`);
  say(`Try:  ${curlLine(listening.path)}`);
  return { servers: [server], close: () => listening.close() };
}

function refusal(fd: number, error: NodeJS.ErrnoException): string {
  const errno = error.code ?? error.message;
  return `socket activation: fd ${fd}: cannot listen (${errno}); a listening Unix stream socket is needed`;
}

async function listenOnDescriptors(
  descriptors: readonly number[],
  log: Log,
  say: (line: string) => void,
): Promise<Running> {
  const servers = await Promise.all(
    descriptors.map(async fd => {
      const server = createWhoamiServer(log);
      await new Promise<void>((done, failed) => {
        server.once('error', error => failed(new SystemRefusal(refusal(fd, error))));
        server.listen({ fd }, () => done());
      });
      log.listening(`fd ${fd}`, undefined);
      say(`sockcred is listening on fd ${fd}, which the service manager opened`);
      return server;
    }),
  );
  const close = async () => {
    await Promise.all(servers.map(server => new Promise(done => server.close(done))));
  };
  return { servers, close };
}

/** Resolves with the name of the first signal; a second one cuts what is still open. */
function stopSignal(onSecond: () => void): Promise<string> {
  return new Promise(settle => {
    let first = true;
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => {
        if (first) settle(signal);
        else onSecond();
        first = false;
      });
    }
  });
}

async function stop(running: Running): Promise<void> {
  const closed = running.close();
  for (const server of running.servers) server.closeIdleConnections();
  const cut = setTimeout(() => {
    for (const server of running.servers) server.closeAllConnections();
  }, GRACE_MS);
  await closed;
  clearTimeout(cut);
}

/** Runs until a signal ends it. */
export async function serve(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options === 'help') {
    process.stdout.write(SERVE_HELP);
    return EXIT.fine;
  }
  const write = (line: string) => process.stdout.write(`${line}\n`);
  const log = options.log === 'json' ? jsonLog(write) : textLog(write);
  const say = options.log === 'json' ? () => {} : write;

  const descriptors = activatedDescriptors(process.env, process.pid);
  if (descriptors.length > 0 && (options.listen !== undefined || options.mode !== undefined)) {
    const flag = options.listen === undefined ? '--mode' : '--listen';
    throw new UsageError(`${flag}: the service manager has opened the socket already`);
  }
  const cutAll = () => {
    for (const server of running.servers) server.closeAllConnections();
  };
  const signal = stopSignal(() => cutAll());
  const running =
    descriptors.length > 0
      ? await listenOnDescriptors(descriptors, log, say)
      : await listenOnPath(options, log, say);
  log.stopped(await signal);
  await stop(running);
  return EXIT.fine;
}
