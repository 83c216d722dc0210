/** A file system of a program's own (FUSE) that stops answering when it is told to, and notes what it was asked. */

import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ownDirectory } from './directories.js';
import { programPath } from './requirements.js';

/**
 * Speaks <linux/fuse.h> by itself: one root, a file with the bytes of another
 * one or an empty directory. It ends by itself after a while, so that a fault
 * that is waited for becomes an error: its mount is then answered ENOTCONN.
 */
const SERVER = `
import ctypes, os, signal, struct, sys
target, kind, source, directory, owner = sys.argv[1:6]
command = sys.argv[6:]
libc = ctypes.CDLL(None, use_errno=True)
def check(result):
    if result != 0: raise OSError(ctypes.get_errno(), 'mount')
if libc.unshare(0x20000) != 0: raise OSError('unshare')
check(libc.mount(None, b'/', None, 0x44000, None))
fuse = os.open('/dev/fuse', os.O_RDWR)
mode = {'file': 0o100644, 'program': 0o100755, 'directory': 0o40755}[kind]
options = f'fd={fuse},rootmode={mode:o},' + (f'user_id={owner},group_id={owner}' if owner else 'user_id=0,group_id=0,allow_other')
check(libc.mount(b'fuse', target.encode(), b'fuse', 0, options.encode()))
content = open(source, 'rb').read() if source else b''
client = os.getpid()
if os.fork() != 0:
    os.close(fuse)
    if kind == 'program': command[0] = target
    os.execv(command[0], command)
libc.prctl(1, 9)
signal.alarm(40)
os.close(0); os.close(1)
def answer(unique, body=b'', error=0):
    os.write(fuse, struct.pack('<IiQ', 16 + len(body), error, unique) + body)
def attributes():
    return struct.pack('<QQQQQQIIIIIIIIII', 1, len(content), 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)
while True:
    try: request = os.read(fuse, 1 << 20)
    except OSError: break
    _, opcode, unique, node = struct.unpack_from('<IIQQ', request)
    with open(directory + '/asked', 'a') as file: file.write(f'{opcode}\\n')
    if opcode in (2, 36, 42): continue
    if os.path.exists(directory + '/mute'): continue
    if opcode == 26: answer(unique, struct.pack('<IIIIHHIIHH8I', 7, 31, 65536, 0, 16, 12, 65536, 1, 16, 0, *[0] * 8))
    elif opcode == 3: answer(unique, struct.pack('<QII', 0, 0, 0) + attributes())
    elif opcode in (14, 27): answer(unique, struct.pack('<QII', 1, 0, 0))
    elif opcode == 15:
        offset, size = struct.unpack_from('<QI', request, 48)
        answer(unique, content[offset:offset + size])
    elif opcode == 17: answer(unique, bytes(80))
    elif opcode == 1: answer(unique, error=-2)
    else: answer(unique, error=-38)
`;

/** Why no such file system can be made here, or false. */
export function lacksFuse(): string | false {
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return false;
  } catch {
    return 'needs /dev/fuse';
  }
}

/** A file system that can be made mute. */
export interface MuteFuse {
  /** Command words that run what follows in a mount namespace where it is mounted. */
  readonly before: readonly string[];
  /** Where it is mounted, for them alone. */
  readonly target: string;
  /** From now on nothing is answered. */
  silence(): void;
  /** The numbers of all requests since then; INIT and the like are 26, 2, 36 and 42. */
  asked(): readonly string[];
}

/**
 * One over `target`, which is made: a file with the bytes of `source`, the same
 * as the program that the command runs, or a directory. With an owner, it lets
 * nobody else look into it, as is the rule: fuse(8), allow_other.
 */
export function muteFuse(
  t: TestContext,
  kind: 'file' | 'program' | 'directory',
  target: string,
  source = '',
  { owner }: { readonly owner?: number } = {},
): MuteFuse {
  const notes = ownDirectory(t, 0o777);
  const log = join(notes, 'asked');
  if (kind === 'directory') mkdirSync(target);
  else writeFileSync(target, '');
  writeFileSync(log, '', { mode: 0o666 });
  let before = 0;
  const all = () => readFileSync(log, 'latin1').split('\n').slice(0, -1);
  return {
    before: [programPath('python3'), '-c', SERVER, target, kind, source, notes, `${owner ?? ''}`],
    target,
    silence() {
      writeFileSync(join(notes, 'mute'), '');
      before = all().length;
    },
    asked: () => all().slice(before),
  };
}
