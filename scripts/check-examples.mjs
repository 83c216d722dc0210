// Do the examples work? Takes every TSDoc `@example` of the public surface and
// every ts block of the pages below, compiles them as a user's program would be, and
// runs them. A comment behind console.log() is what must be printed. Also
// wants a sentence on every export, and an example on everything that is called.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const directory = join(root, 'build', 'examples');
const library = join(root, 'packages', 'sockcred', 'src');

/** What programs import: the main module, and one for each subpath. */
const ROOMS = [
  '',
  'messages',
  'process',
  'application',
  'adapters',
  'authorization',
  'clients',
  'forwarding',
  'gate',
  'relaying',
  'testing',
  'witnesses',
];
/** Their ts blocks are examples as well. */
const PAGES = ['README.md', 'docs/forwarding.md', 'docs/who.md'];
const entries = ROOMS.map(room => join(library, room, 'index.ts'));
const TIMEOUT_MS = 20_000;

const faults = [];

/** The fenced ts blocks of a text; `no-run` after the language means that it would not end by itself. */
function blocks(text, where) {
  return [...text.matchAll(/^```ts( no-run)?\n(.*?)^```$/gms)].map(([, noRun, code], number) => ({
    where: `${where} #${number + 1}`,
    code,
    runs: noRun === undefined,
  }));
}

/** Everything that programs can import, with its declaration. */
function publicSurface() {
  const program = ts.createProgram(entries, {
    allowImportingTsExtensions: true,
    noEmit: true,
    types: ['node'],
  });
  const checker = program.getTypeChecker();
  const exports = entries.flatMap(entry =>
    checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry))),
  );
  return exports.map(symbol => {
    const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return { name: symbol.name, declaration: target.declarations[0] };
  });
}

function commentOf(declaration) {
  const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration;
  return { comments: ts.getJSDocCommentsAndTags(holder).filter(ts.isJSDoc), tags: ts.getJSDocTags(holder) };
}

function documentedExamples({ name, declaration }) {
  const { comments, tags } = commentOf(declaration);
  const where = `${relative(root, declaration.getSourceFile().fileName)}: ${name}`;
  if (comments.every(comment => ts.getTextOfJSDocComment(comment.comment) === undefined)) {
    faults.push(`${where}: exported, and not a word about it`);
  }
  const examples = tags
    .filter(tag => tag.tagName.text === 'example')
    .flatMap(tag => blocks(`${ts.getTextOfJSDocComment(tag.comment) ?? ''}\n`, where));
  const isCalled = ts.isFunctionDeclaration(declaration) || ts.isClassDeclaration(declaration);
  if (isCalled && examples.length === 0) faults.push(`${where}: has no example`);
  return examples;
}

/** What the comments behind console.log() promise. */
function promised(code) {
  return [...code.matchAll(/^\s*console\.log\(.*\); \/\/ (.*)$/gm)].map(([, line]) => line);
}

function compile() {
  const config = {
    compilerOptions: {
      target: 'ES2022',
      lib: ['ES2023'],
      module: 'NodeNext',
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      typeRoots: [join(root, 'node_modules', '@types')],
    },
    include: ['*.mts'],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const { status, stdout } = spawnSync(process.execPath, [tsc, '-p', directory], { encoding: 'utf8' });
  if (status !== 0) faults.push(stdout.trim());
  return status === 0;
}

function run({ file, where, code }) {
  const { status, stdout, stderr, signal } = spawnSync(process.execPath, [file.replace('.mts', '.mjs')], {
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (status !== 0) faults.push(`${where}: ended with ${status ?? signal}: ${stderr}`);
  const lines = stdout.split('\n');
  for (const line of promised(code)) {
    if (!lines.includes(line)) faults.push(`${where}: does not print '${line}' but '${stdout.trim()}'`);
  }
}

rmSync(directory, { recursive: true, force: true });
mkdirSync(directory, { recursive: true });
const examples = [
  ...publicSurface().flatMap(documentedExamples),
  ...PAGES.flatMap(page => blocks(readFileSync(join(root, page), 'utf8'), page)),
].map((example, number) => ({ ...example, file: join(directory, `example-${number + 1}.mts`) }));
for (const { file, where, code } of examples) writeFileSync(file, `// ${where}\n${code}\nexport {};\n`);
const runnable = examples.filter(({ runs }) => runs);
if (compile()) for (const example of runnable) run(example);

for (const line of faults) console.error(line);
console.log(`examples: ${examples.length} compiled, ${runnable.length} run, ${faults.length} faults`);
process.exitCode = faults.length === 0 ? 0 : 1;
