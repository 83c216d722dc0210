// Writes docs/os-support.md from the table that decoding and the tests read,
// or, with --check, fails if the file does not say what the table says.
//
//   node scripts/os-support.mjs [--check]

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ARCHITECTURES } from '../packages/sockcred/cross/architectures.mjs';
import { targets } from '../packages/sockcred/cross/targets.mjs';
import { SYSTEMS } from '../packages/sockcred/dist/credentials/systems.js';
import { KERNELS } from './kernels.mjs';
import { LIMITS, RUNTIMES } from './runtimes.mjs';

const file = fileURLToPath(new URL('../docs/os-support.md', import.meta.url));
const { values } = parseArgs({ options: { check: { type: 'boolean' } } });

const MARKS = {
  run: '●',
  'compiled against real headers': '◐',
  'compiled against declarations only': '○',
  none: '',
};

const FIELDS = [
  ['uid, gid', 'ids'],
  ['pid', 'pid'],
  ['groups', 'groups'],
  ['label', 'label'],
  ['real and saved ids', 'otherIds'],
  ['zone', 'zone'],
];

const SENDER_FIELDS = [
  ['real uid, gid', 'ids'],
  ['effective uid, gid', 'effectiveIds'],
  ['pid', 'pid'],
  ['groups', 'groups'],
];

const ROLES = [
  ['a server learns who connected', 'connector'],
  ['a client learns who listened', 'listener'],
  ['a socketpair tells its creator', 'creator'],
];

const CALLS = {
  connect: 'connect(2)',
  listen: 'listen(2)',
  bind: 'bind(2)',
  socketpair: 'socketpair(2)',
  open: 'not certain when',
  never: 'never',
};

const notes = [];

/** A reference to a sentence below the table; the same sentence has the same number. */
function note(sentence) {
  if (!notes.includes(sentence)) notes.push(sentence);
  return ` [${notes.indexOf(sentence) + 1}]`;
}

/** The mechanism behind a field of one system and its limits, or why there is none. */
function fieldCell({ proof }, field) {
  if (!('option' in field)) return `–${note(field.detail)}`;
  const sentences = [
    field.note,
    field.incomplete === undefined ? undefined : `absent, \`maybe-incomplete\`, where ${field.incomplete}`,
  ];
  const references = sentences.filter(sentence => sentence !== undefined).map(note);
  return `${MARKS[proof]} \`${field.option}\`${references.join('')}`;
}

/** The same of what comes with a message. */
function senderCell(system, key) {
  const { sender } = system;
  return fieldCell(system, 'ids' in sender ? sender[key] : sender);
}

/** Whose word it is, and under which name it comes where the sender attached it. */
function chosenCell({ proof, sender }) {
  if (!('ids' in sender)) return '–';
  const attached = sender.attached === undefined ? '' : `, also as \`${sender.attached}\``;
  return `${MARKS[proof]} ${sender.chosenBy === 'kernel' ? 'the kernel' : 'the kernel, or the sender'}${attached}`;
}

function momentCell(system, role) {
  const moment = system.moments[role];
  return moment === 'never' ? '– never' : `${MARKS[system.proof]} ${CALLS[moment]}`;
}

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n');
}

const asked = SYSTEMS.filter(({ name }) => name !== 'none');
const systems = table(
  ['', ...asked.map(({ title }) => title)],
  [
    ['proof', ...asked.map(({ proof }) => proof)],
    ...FIELDS.map(([name, key]) => [name, ...asked.map(system => fieldCell(system, system[key]))]),
    ...SENDER_FIELDS.map(([name, key]) => [
      `${name} of a message’s sender`,
      ...asked.map(system => senderCell(system, key)),
    ]),
    ['these were filled in by', ...asked.map(chosenCell)],
    ['the peer’s process, held by', ...asked.map(system => fieldCell(system, system.process))],
    ...ROLES.map(([name, role]) => [`${name}, as of`, ...asked.map(system => momentCell(system, role))]),
    [
      'no pid beside known ids',
      ...asked.map(({ pidNamespaces }) => (pidNamespaces ? '`hidden`' : '`not-provided`')),
    ],
    [
      'a client that finds itself at the other end',
      ...asked.map(({ listenerMayBeOurselves }) =>
        listenerMayBeOurselves ? '`ambiguous`' : 'is its listener',
      ),
    ],
  ],
);

const shipped = targets.filter(({ ships }) => ships).map(({ name }) => name);
const kernels = [...KERNELS.keys()].map(name => (name === 'uml' ? 'user-mode Linux' : name));
const TITLES = { node: 'Node', bun: 'Bun', deno: 'Deno' };
const runtimes = RUNTIMES.map(each => `${TITLES[each.kind]} ${each.package.split('@').at(-1)}`);

const text = `# What each system can vouch for

Made by \`node scripts/os-support.mjs\` from \`packages/sockcred/src/credentials/systems.ts\`, the table that decoding and
the tests read. Where nothing else is said, ids are effective ids.

● run by the tests of this repository; ◐ compiled against the system's real headers, not run; ○ compiled against
declarations only, not run; – never told there: the field is absent, with that reason

${systems}

${notes.map((sentence, index) => `${index + 1}. ${sentence}`).join('\n')}

## Where it is run

- Kernels: Linux ${kernels.join(', ')}, with SELinux, AppArmor, Smack and none (\`npm run test:kernels\`).
  No lowest one is demanded: Node asks for 4.18 (BUILDING.md: older ones may work), Bun for 3.10 (its installation page), Deno
  names none. What an older kernel lacks is absent with its reason, and so are security labels before 4.17, where SELinux gives
  the ends of a socketpair the wrong one.
- Processors: x64, and under emulation ${Object.keys(ARCHITECTURES).join(', ')} (\`npm run test:architectures\`).
- C libraries: glibc, and musl with one and the same file (\`npm run test:musl\`).
- Runtimes: ${runtimes.join(', ')} (\`npm run test:runtimes\`).
${Object.entries(LIMITS)
  .flatMap(([kind, list]) => list.map(limit => `- In ${TITLES[kind]}: ${limit}.`))
  .join('\n')}
- Prebuilt files: ${shipped.join(', ')}. Any other machine: \`npx sockcred build\`.

Where a runtime hides the descriptor (Bun's node:http and \`Bun.serve\`, \`Deno.serve\`, \`Deno.listen\`) the answer is
\`ERR_PEER_HIDDEN_DESCRIPTOR\`. The way round is the same for all: accept with \`net.createServer\`, ask there, and hand the
socket on with \`httpServer.emit('connection', socket)\`. The socket of \`Bun.listen\` shows its descriptor as \`socket.fd\`.

Everything else, Windows and its named pipes included, answers \`ERR_PEER_UNSUPPORTED\` with a sentence on what is
possible there. \`sockcred doctor\` tries each mechanism on the machine at hand.
`;

if (values.check === true) {
  const same = readFileSync(file, 'utf8') === text;
  console.log(same ? 'os-support: as the table says' : 'os-support: stale; run node scripts/os-support.mjs');
  process.exitCode = same ? 0 : 1;
} else {
  writeFileSync(file, text);
}
