// Which kernels the tests are run on, how each is booted, and which test files
// run there. A kernel is booted once for all tests, with a security module,
// and once more for the few tests that want another module or none.

// Chosen by one question: does the kernel decide the outcome?
const EVERYWHERE = [
  // What each version must answer, exactly.
  'kernel/ladder.test.js',
  // The compiled tests of native/sys_linux.c: option numbers, lengths, lists, refusals.
  'kernel/native-cases.test.js',
  // What connect(2), listen(2) and socketpair(2) record, and of whom.
  'ask-connector.test.js',
  'ask-listener.test.js',
  // What the kernel says of sockets that must be refused.
  'ask-wrong-sources.test.js',
  // pidfds, reaped and replaced processes.
  'connection-time.test.js',
  // When a process has ended, and what is told of it then.
  'process-exit.test.js',
  // User and pid namespaces, a missing /proc.
  'namespaces.test.js',
];

// Left out, because the kernel has no part in the outcome, or the same calls
// are made above: connection-cache and worker-threads (the runtime's handles
// and threads), listen-at (paths and files), self-test (verdicts; the real one
// runs before every answer, and in native-cases), decode, format, json and
// questions (pure), native-core (its cases run above; the rest is the
// compiler's), the command's tests.

const selinux = { args: 'security=selinux selinux=1', files: ['kernel/label-selinux.test.js'] };
const apparmor = {
  args: 'apparmor=1 security=apparmor',
  files: ['kernel/label-apparmor.test.js', 'kernel/application-apparmor.test.js'],
};
const smack = { args: 'security=smack', files: ['kernel/label-smack.test.js'] };
// No module at all, and before 6.17 AppArmor: it is on, and gives sockets no label.
const none = { args: 'lsm=capability', files: ['kernel/label-none.test.js'] };
const silent = { args: apparmor.args, files: none.files };

const withFiles = ({ args, files }, ...more) => ({ args, files: [...files, ...more] });

/** A process that is held, and how it changes; on every kernel, in the shorter boot. */
const HELD = 'process-held.test.js';
/** Its cgroup, and whose word that is: user-mode Linux has none of the unified hierarchy. */
const CGROUPS = 'application-cgroup.test.js';
/** What is passed beside messages, and refused: in the same boot. */
const MESSAGES = [
  ...['first-message.test.js', 'unix-stream.test.js'],
  ...['unix-stream-descriptors.test.js', 'unix-datagram.test.js'],
];
const shorter = boot => withFiles(boot, ...MESSAGES, HELD, CGROUPS);

// systemd as pid 1, in charge of the one hierarchy of cgroups: units, users' managers, and the engines of containers
// that go by it. They want more time and memory, and modules for their file systems.
const systemd = {
  args: apparmor.args,
  files: ['kernel/application-systemd.test.js', 'application-containers.test.js'],
  systemd: true,
};
// An engine in another one's container takes a minute there.
const nested = { ...systemd, files: ['application-nested.test.js'] };

const everything = boot => withFiles(boot, ...EVERYWHERE);

// Debian's 5.10 picks an emulated timer by itself, and everything takes twice as long.
const TSC = 'clocksource=tsc tsc=reliable';
const slow = boot => ({ ...boot, args: `${TSC} ${boot.args}` });

/** By the name that get-kernel takes: its boots, one after the other. */
export const KERNELS = new Map([
  ['5.10', [everything(silent), shorter(selinux)].map(slow)],
  ['6.1', [everything(selinux), shorter(silent)]],
  ['6.12', [everything(selinux), shorter(silent)]],
  ['6.17', [everything(apparmor), shorter(selinux)]],
  ['7.3', [everything(apparmor), shorter(selinux), systemd, nested]],
  ['uml', [everything(smack), withFiles(none, HELD)]],
]);
