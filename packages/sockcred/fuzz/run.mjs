// Fuzzes the native walk through control messages with libFuzzer, under
// AddressSanitizer and UBSan: five minutes, or as long as is said. What it
// finds is left in build/fuzz/. Needs clang.
//
//   npm run fuzz [-- --seconds 20]

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { native } from '../native-systems.mjs';

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '300' } } });
const here = fileURLToPath(new URL('./', import.meta.url));
const directory = fileURLToPath(new URL('../../../build/fuzz/', import.meta.url));
const corpus = join(directory, 'corpus');
mkdirSync(corpus, { recursive: true });

function run(command, args) {
  const { status, error } = spawnSync(command, args, { stdio: 'inherit', cwd: directory });
  if (error !== undefined)
    console.error(`fuzz: ${command}: ${error.message} (Debian: apt-get install clang)`);
  if (status !== 0) process.exit(status ?? 1);
}

/** One control message: length, level SOL_SOCKET, type, and so many bytes. */
function control(type, size) {
  const length = 16 + size;
  const bytes = Buffer.alloc(Math.ceil(length / 8) * 8);
  bytes.writeUInt32LE(length, 0);
  bytes.writeInt32LE(1, 8);
  bytes.writeInt32LE(type, 12);
  for (let at = 16; at + 4 <= length; at += 4) bytes.writeInt32LE(at, at);
  return bytes;
}

/** A sender of two groups, as FreeBSD, DragonFly and NetBSD tell it: so many bytes, with the count there. */
function bsdSender(size, count) {
  const bytes = Buffer.alloc(size, 0);
  bytes.writeInt32LE(2, count);
  return bytes;
}

/** Seeds: what Linux passes, alone and together. Fewer on a processor of another byte order. */
function seeds() {
  if (endianness() !== 'LE') return [];
  const [rights, credentials, label, pidfd] = [control(1, 8), control(2, 12), control(3, 20), control(4, 4)];
  return [
    [credentials],
    [rights],
    [label],
    [pidfd],
    [credentials, label, rights, pidfd],
    [credentials, credentials, control(1, 1012)],
    ...[bsdSender(84, 16), bsdSender(28, 16), bsdSender(36, 24), bsdSender(32, 20)].map(bytes => [bytes]),
  ].map(parts => Buffer.concat([Buffer.from([253, 0]), ...parts]));
}

for (const [index, seed] of seeds().entries()) writeFileSync(join(corpus, `seed-${index}`), seed);
const program = join(directory, 'message-walk');
const files = [
  ...['message_walk.c', 'message_linux.c', 'message_socket.c', 'unix_socket.c', 'layouts.c', 'sys_linux.c'],
];
run('clang', [
  ...['-std=c11', '-g', '-O1', '-fsanitize=fuzzer,address,undefined', '-fno-sanitize-recover=undefined'],
  ...['-o', program, join(here, 'message-walk.c'), ...files.map(file => join(native, file))],
]);
run(program, [`-max_total_time=${values.seconds}`, '-max_len=4096', '-print_final_stats=1', corpus]);
