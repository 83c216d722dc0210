/** Guards as processes of their own, servers for them to stand in front of, and clients of any user. */

import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type PeerJson, peerCredentials } from 'sockcred';
import type { Decision } from 'sockcred/authorization';
import type { Limits } from 'sockcred/gate';
import { type Identity, python } from '../../../sockcred/build/support/peers.js';
import { type CommandOptions, command, type Running } from './command.js';

/** A line of the audit log. */
export interface AuditEntry {
  readonly event: string;
  readonly level: string;
  readonly time: string;
  readonly connection?: number;
  readonly at?: string;
  readonly mode?: string;
  readonly peer?: PeerJson;
  readonly decision?: Decision;
  readonly limit?: string;
  readonly limits?: Limits;
  readonly code?: string;
  readonly message?: string;
  readonly toServer?: number;
  readonly toClient?: number;
  readonly errno?: string;
  readonly reason?: string;
  readonly status?: number | string;
  readonly signal?: string;
  readonly fault?: string;
  readonly connections?: number;
  readonly of?: string;
  readonly suppressed?: number;
  readonly uid?: number;
}

export interface RunningGuard extends Running {
  /** The lines of the audit log on standard output so far. */
  entries(): readonly AuditEntry[];
  /** The first entry, past or future, of this event, and for which the question is answered with yes. */
  entry(event: string, wanted?: (entry: AuditEntry) => boolean): Promise<AuditEntry>;
}

/** Starts `sockcred guard` with its audit log on standard output. */
export function startGuard(t: TestContext, args: readonly string[], options?: CommandOptions): RunningGuard {
  const running = command(t, ['guard', ...args], options);
  const parsed = (line: string) => JSON.parse(line) as AuditEntry;
  return {
    ...running,
    entries: () => running.lines().map(parsed),
    async entry(event, wanted = () => true) {
      const matches = (line: string) => parsed(line).event === event && wanted(parsed(line));
      return parsed(await running.line(matches));
    },
  };
}

/** The same, once it listens. */
export async function guard(
  t: TestContext,
  args: readonly string[],
  options?: CommandOptions,
): Promise<RunningGuard> {
  const running = startGuard(t, args, options);
  await running.entry('listening');
  return running;
}

/** A server of the test that everybody may connect to, without any guard. */
export async function server(
  t: TestContext,
  where: string | { readonly port: number },
  serve: (socket: Socket) => void,
): Promise<Server> {
  const made = createServer({ allowHalfOpen: true }, socket => {
    socket.on('error', () => {});
    t.after(() => socket.destroy());
    serve(socket);
  });
  if (typeof where === 'string') made.listen({ path: where, writableAll: true, readableAll: true });
  else made.listen(where.port, '127.0.0.1');
  await once(made, 'listening');
  t.after(() => made.close());
  return made;
}

/** Writes as one line of JSON whom it sees, then sends back what it gets, and ends when the client does. */
export function tellAndEcho(socket: Socket): void {
  const { uid, gid, groups } = peerCredentials(socket, { side: 'accepted' });
  socket.write(`${JSON.stringify({ uid, gid, groups })}\n`);
  socket.pipe(socket);
}

const ASK = `
s = socket.socket(socket.AF_UNIX)
s.settimeout(30)
try:
    s.connect(sys.argv[1])
    try:
        s.sendall(sys.argv[2].encode())
        s.shutdown(socket.SHUT_WR)
    except BrokenPipeError:
        pass  # who does not want to hear may have said something all the same
    while True:
        data = s.recv(65536)
        if not data: break
        os.write(1, data)
except ConnectionResetError:
    pass
except PermissionError:
    os.write(1, b'no permission')
`;

/** What somebody gets who connects, sends a text, finishes, and reads to the end; nothing if cut off. */
export async function ask(
  t: TestContext,
  path: string,
  text: string,
  identity: Identity = {},
): Promise<string> {
  const { child, exited } = python(t, ASK, { ...identity, args: [path, text] });
  let got = '';
  child.stdout?.setEncoding('utf8').on('data', (data: string) => {
    got += data;
  });
  const ended = once(child, 'close');
  const status = await exited;
  await ended;
  if (status !== 0) throw new Error(`the client ended with ${status}`);
  return got;
}

/** A program to be in front of: says what it is told. */
export const CAT: readonly string[] = ['--programs-as-root', '--', '/bin/cat'];

/** A guard that lets in everybody who asks. */
export const toEverybody = (path: string): readonly string[] => [
  '--listen',
  path,
  '--mode',
  '0666',
  '--everyone',
];

/** Paths of a guard and of what it stands in front of. */
export function paths(directory: string): { readonly front: string; readonly behind: string } {
  return { front: join(directory, 'front'), behind: join(directory, 'behind') };
}
