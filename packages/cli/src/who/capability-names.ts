/** Sets of capabilities as words, by their numbers in <linux/capability.h>. */

const NAMES = [
  ...['chown', 'dac_override', 'dac_read_search', 'fowner', 'fsetid', 'kill', 'setgid', 'setuid', 'setpcap'],
  ...[
    'linux_immutable',
    'net_bind_service',
    'net_broadcast',
    'net_admin',
    'net_raw',
    'ipc_lock',
    'ipc_owner',
  ],
  ...[
    'sys_module',
    'sys_rawio',
    'sys_chroot',
    'sys_ptrace',
    'sys_pacct',
    'sys_admin',
    'sys_boot',
    'sys_nice',
  ],
  ...[
    'sys_resource',
    'sys_time',
    'sys_tty_config',
    'mknod',
    'lease',
    'audit_write',
    'audit_control',
    'setfcap',
  ],
  ...['mac_override', 'mac_admin', 'syslog', 'wake_alarm', 'block_suspend', 'audit_read', 'perfmon', 'bpf'],
  'checkpoint_restore',
];

const named = (set: bigint): readonly string[] => {
  const words: string[] = [];
  for (let bit = 0, rest = set; rest !== 0n; bit++, rest >>= 1n) {
    if ((rest & 1n) === 1n) words.push(NAMES[bit] ?? `capability ${bit}`);
  }
  return words;
};

/** Of a nearly full set, what it lacks is shorter. */
const FEW = 8;

/** `none`, `all`, `all but sys_time`, or their names. Of newer ones than these the number. */
export function capabilityText(set: bigint): string {
  if (set === 0n) return 'none';
  const all = (1n << BigInt(NAMES.length)) - 1n;
  const missing = named(all & ~set);
  if (missing.length > FEW || set > all) return named(set).join(', ');
  return missing.length === 0 ? 'all' : `all but ${missing.join(', ')}`;
}
