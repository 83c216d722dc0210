/** A program that listens, and the lines of `sockcred ls --json` as tests look at them. */

/** For python(): listens at sys.argv[1] and keeps all that connect. */
export const LISTEN = `
os.umask(0)
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
say('listening')
keep = []
while True:
    keep.append(s.accept())
`;

export interface ListedHolder {
  readonly pid: number;
  readonly fd: number;
  readonly thread?: number;
  readonly uid?: number;
  readonly program?: string;
  readonly part?: {
    readonly engine?: string;
    readonly name?: string;
    readonly authority?: { readonly of: string; readonly uid?: number };
    readonly unknown?: string;
  };
  readonly unknown?: string;
}

export interface Line {
  readonly schemaVersion: number;
  readonly change?: string;
  readonly inode: number;
  readonly state: string;
  readonly name?: string;
  readonly leadsHere?: boolean;
  readonly peerName?: string;
  readonly waiting: number;
  readonly holders: readonly ListedHolder[];
  readonly peers: readonly ListedHolder[];
  readonly waiters: readonly { readonly inode: number; readonly holders: readonly ListedHolder[] }[];
}

export function linesOf(stdout: string): readonly Line[] {
  return stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as Line);
}
