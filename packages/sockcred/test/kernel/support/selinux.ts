/**
 * The smallest SELinux policy that labels processes and sockets: it allows
 * everything, and has a type for whatever a test wants a peer to be.
 */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MOUNT = '/sys/fs/selinux';

/** Classes with a permission each; what the kernel knows beyond them is allowed by checkpolicy's -U. */
const CLASSES = {
  security: 'load_policy',
  process: 'transition dyntransition setexec setcurrent setsockcreate',
  system: 'module_load',
  capability: 'chown',
  filesystem: 'mount',
  file: 'execute entrypoint',
  dir: 'search',
  fd: 'use',
  lnk_file: 'read',
  chr_file: 'read',
  blk_file: 'read',
  sock_file: 'read',
  fifo_file: 'read',
  socket: 'read',
  unix_stream_socket: 'connectto',
  unix_dgram_socket: 'sendto',
};

/** The kernel's initial labels, in its order: it knows them by their number. */
const INITIAL = [
  'kernel security unlabeled fs file file_labels init any_socket port netif netmsg node',
  'igmp_packet icmp_socket tcp_socket sysctl_modprobe sysctl sysctl_fs sysctl_kernel sysctl_net',
  'sysctl_net_unix sysctl_vm sysctl_dev kmod policy scmp_packet devnull',
]
  .join(' ')
  .split(' ');

export function contextOf(type: string): string {
  return `user_u:base_r:${type}`;
}

function policyText(types: readonly string[]): string {
  const base = contextOf('base_t');
  const classes = Object.entries(CLASSES);
  return [
    ...classes.map(([name]) => `class ${name}`),
    ...INITIAL.map(name => `sid ${name}`),
    ...classes.map(([name, permissions]) => `class ${name} { ${permissions} }`),
    ...['base_t', ...types].map(type => `type ${type};`),
    'role base_r;',
    `role base_r types { base_t ${types.join(' ')} };`,
    'allow base_t base_t:process { transition };',
    'user user_u roles { base_r };',
    ...INITIAL.map(name => `sid ${name} ${base}`),
    `fs_use_trans tmpfs ${base};`,
    `fs_use_task pipefs ${base};`,
    `fs_use_task sockfs ${base};`,
    ...['proc', 'selinuxfs', 'sysfs'].map(name => `genfscon ${name} / ${base}`),
    '',
  ].join('\n');
}

/** Makes the policy and gives it to the kernel, which stays permissive. */
export function loadPolicy(types: readonly string[]): void {
  const directory = mkdtempSync(join(tmpdir(), 'sockcred-selinux-'));
  const source = join(directory, 'policy.conf');
  const binary = join(directory, 'policy');
  writeFileSync(source, policyText(types));
  // Version 31 is understood by every kernel since 4.13.
  const made = spawnSync('/usr/bin/checkpolicy', ['-U', 'allow', '-c', '31', '-o', binary, source], {
    encoding: 'utf8',
  });
  assert.equal(made.status, 0, made.stderr);
  if (!existsSync(`${MOUNT}/load`)) {
    assert.equal(spawnSync('/bin/mount', ['-t', 'selinuxfs', 'selinuxfs', MOUNT]).status, 0);
  }
  writeFileSync(`${MOUNT}/load`, readFileSync(binary), { flag: 'r+' });
  rmSync(directory, { recursive: true });
}
