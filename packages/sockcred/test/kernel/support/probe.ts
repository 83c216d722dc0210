/**
 * Bare questions to the kernel, put by Python and not by the library, so that
 * a kernel that differs from what the library was built on is noticed. One
 * process asks them all: processes are slow in an emulated machine.
 */

import type { TestContext } from 'node:test';
import { openDirectory } from '../../support/directories.js';
import { python } from '../../support/peers.js';

/** What one socket answers; a string is the name of an error. */
export interface Answers {
  /** pid, uid, gid. */
  readonly cred: readonly number[] | string;
  readonly groups: string;
  readonly pidfd: string;
}

export interface Pidfd {
  readonly magic: number;
  readonly inode: number;
}

export interface Probe {
  readonly pid: number;
  readonly peerless: Readonly<Record<string, Answers>>;
  readonly listening: Answers;
  /** By length asked for, from 1 to 12: the length of the answer. */
  readonly shortLengths: readonly number[];
  /** Two answers of the first client, before and after the second listen(), and one of the second client. */
  readonly listenedTwice: readonly number[];
  readonly passCredentials: {
    readonly late: readonly number[];
    readonly beforeAccept: readonly number[];
    readonly listenerSetAfterConnect: number;
  };
  readonly peerGroups: readonly number[] | string;
  readonly netnsCookies:
    | string
    | { readonly ours: string; readonly theirs: string; readonly accepted: string };
  readonly passPidfd: string;
  readonly passRights: string;
  readonly pidfds: readonly Pidfd[];
  readonly fdinfo: { readonly alive: string; readonly reaped: string };
  readonly info: {
    readonly alive: readonly number[] | string;
    readonly reaped: string;
    readonly exit: string;
  };
  /** What a server in a child pid namespace is told of us. */
  readonly foreign: { readonly cred: readonly number[]; readonly pidfd: string; readonly info: string };
}

const SCRIPT = `
import errno, fcntl, json
S = socket.SOL_SOCKET
libc = ctypes.CDLL(None, use_errno=True)
PATH = sys.argv[1]
os.setgroups([27, 100])

def attempt(what):
    try:
        return what()
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))

def cred(s):
    return attempt(lambda: list(struct.unpack('iII', s.getsockopt(S, 17, 12))))

def peer_pidfd(s):
    return attempt(lambda: struct.unpack('i', s.getsockopt(S, 77, 4))[0])

def answers(s):
    pidfd = peer_pidfd(s)
    if isinstance(pidfd, int):
        os.close(pidfd)
        pidfd = 'pidfd'
    groups = attempt(lambda: s.getsockopt(S, 59, 1024))
    return {'cred': cred(s), 'groups': groups if isinstance(groups, str) else 'groups', 'pidfd': pidfd}

def unix(kind=socket.SOCK_STREAM):
    return socket.socket(socket.AF_UNIX, kind)

def listener(name):
    s = unix()
    s.bind(PATH + name)
    s.listen()
    return s

def connected(name):
    s = unix()
    s.connect(PATH + name)
    return s

def child(what):
    pid = os.fork()
    if pid == 0:
        try:
            what()
        finally:
            os._exit(7)
    return pid

out = {'pid': os.getpid()}

bound = unix(); bound.bind(PATH + 'bound')
a, b = unix(socket.SOCK_DGRAM), unix(socket.SOCK_DGRAM)
a.bind(PATH + 'a'); b.bind(PATH + 'b'); a.connect(PATH + 'b'); b.connect(PATH + 'a')
out['peerless'] = {'stream': answers(unix()), 'datagram': answers(unix(socket.SOCK_DGRAM)),
    'seqpacket': answers(unix(socket.SOCK_SEQPACKET)), 'bound': answers(bound),
    'connected datagram': answers(a), 'connected back': answers(b),
    'tcp': answers(socket.socket()), 'udp': answers(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))}
l = listener('l')
out['listening'] = answers(l)
c = connected('l')
accepted, _ = l.accept()
out['shortLengths'] = [len(accepted.getsockopt(S, 17, length)) for length in range(1, 13)]
out['peerGroups'] = attempt(lambda: [*struct.unpack('2I', accepted.getsockopt(S, 59, 1024))])

os.setresuid(11, 11, 0); first = listener('twice'); one = connected('twice'); told = [cred(one)[1]]
os.setresuid(0, 0, 0); os.setresuid(22, 22, 0); first.listen()
os.setresuid(0, 0, 0); two = connected('twice')
out['listenedTwice'] = told + [cred(one)[1], cred(two)[1]]

def told_with(message_socket):
    _, ancillary, _, _ = message_socket.recvmsg(8, 64)
    return list(struct.unpack('iII', ancillary[0][2]))
early = connected('l'); early.send(b'x'); late = connected('l')
accepted_early, _ = l.accept(); accepted_late, _ = l.accept()
late.send(b'x')
for s in (accepted_early, accepted_late):
    s.setsockopt(S, 16, 1)
inheriting = listener('inherit'); waiting = connected('inherit'); inheriting.setsockopt(S, 16, 1)
out['passCredentials'] = {'late': told_with(accepted_late), 'beforeAccept': told_with(accepted_early),
    'listenerSetAfterConnect': inheriting.accept()[0].getsockopt(S, 16)}

def cookie(s):
    return attempt(lambda: s.getsockopt(S, 71, 8).hex())
r, w = os.pipe()
def elsewhere():
    assert libc.unshare(0x40000000) == 0
    s = unix()
    os.write(w, cookie(s).encode())
    s.connect(PATH + 'l')
    signal.pause()
ours = cookie(l)
out['netnsCookies'] = ours
stranger = child(elsewhere)
if len(ours) == 16:
    theirs = os.read(r, 64).decode()
    out['netnsCookies'] = {'ours': ours, 'theirs': theirs, 'accepted': cookie(l.accept()[0])}
else:
    l.accept()
os.kill(stranger, 9); os.waitpid(stranger, 0)

out['passPidfd'] = attempt(lambda: accepted.setsockopt(S, 76, 1) or 'taken')
def rights():
    x, y = socket.socketpair()
    y.setsockopt(S, 83, 0)
    return attempt(lambda: x.sendmsg([b'x'], [(S, 1, struct.pack('i', 0))]) and 'sent')
x, y = socket.socketpair()
known = attempt(lambda: y.getsockopt(S, 83))
out['passRights'] = known if isinstance(known, str) else f'{known}, then {rights()}'

def facts(fd):
    buffer = ctypes.create_string_buffer(256)
    assert libc.fstatfs(fd, buffer) == 0
    return {'magic': struct.unpack_from('l', buffer)[0], 'inode': os.fstat(fd).st_ino}
def fdinfo(fd):
    with open(f'/proc/self/fdinfo/{fd}') as file:
        return file.read()
def info(fd, mask):
    data = bytearray(struct.pack('Q', mask) + bytes(56))
    fcntl.ioctl(fd, 0xC040FF0B, data)
    return data
mine = os.pidfd_open(os.getpid())
other = child(signal.pause)
pidfd = os.pidfd_open(other)
out['pidfds'] = [facts(mine), facts(pidfd)]
def alive():
    data = info(pidfd, 7)
    return [struct.unpack_from('Q', data)[0] & 3, struct.unpack_from('I', data, 16)[0], struct.unpack_from('I', data, 36)[0]]
alive_info, alive_text = attempt(alive), fdinfo(pidfd)
os.kill(other, 9); os.waitpid(other, 0)
ended = child(lambda: None); ended_pidfd = os.pidfd_open(ended); os.waitpid(ended, 0)
def exited():
    data = info(ended_pidfd, 8)
    return f"{struct.unpack_from('Q', data)[0] & 8}: {struct.unpack_from('i', data, 60)[0]}"
out['fdinfo'] = {'alive': alive_text, 'reaped': fdinfo(pidfd)}
out['info'] = {'alive': alive_info, 'reaped': attempt(lambda: info(pidfd, 7) and 'answered'), 'exit': attempt(exited)}
out['other'] = other

r, w = os.pipe()
def server():
    assert libc.unshare(0x20000000) == 0
    os.waitpid(child(serve), 0)
def serve():
    s, _ = l.accept()
    fd = peer_pidfd(s)
    told = {'cred': cred(s), 'pidfd': fd, 'info': 'not asked'}
    if isinstance(fd, int):
        told['pidfd'] = 'pidfd'
        told['info'] = attempt(lambda: info(fd, 7) and 'answered')
    os.write(w, json.dumps(told).encode())
serving = child(server)
client = connected('l')
out['foreign'] = json.loads(os.read(r, 4096))
os.waitpid(serving, 0)
say(json.dumps(out))
`;

/** Asks everything. The number of the process behind `info.alive` and `fdinfo.alive` is `other`. */
export async function probe(t: TestContext): Promise<Probe & { readonly other: number }> {
  const peer = python(t, SCRIPT, { args: [`${openDirectory(t)}/`] });
  return JSON.parse(await peer.line()) as Probe & { readonly other: number };
}
