// Is the house built as ARCHITECTURE.md says? Imports point down, pure files
// stay pure, and only sys/ knows an operating system. Reads the syntax trees,
// so that comments may speak of what code may not do.

import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const library = join(root, 'packages', 'sockcred', 'src');
const command = join(root, 'packages', 'cli', 'src');

/** The library's rooms, lowest first: a file imports from its own room and lower ones. */
const ROOMS = [
  ...[
    'errors.ts',
    'ids.ts',
    'sys',
    'credentials',
    'listening',
    'messages',
    'process',
    'application',
    'sockets',
    'relaying',
    'diagnosis',
  ],
  ...['authorization', 'witnesses', 'gate', 'adapters', 'clients', 'forwarding', 'testing', 'index.ts'],
];

/**
 * The command's rooms, lowest first; what is in none of them is below them all, for whoever needs it, but for main.ts,
 * which is above. Of another subcommand a room uses nothing, unless it is named here.
 */
const COMMAND_ROOMS = [
  ...['policy', 'serve', 'ls', 'who'],
  ...['guard/records', 'guard/services', 'guard/http', 'guard/options', 'guard'],
];
const USED_BY = new Map([['policy', 'guard']]);

/** Files that ask a kernel or a runtime in rooms that are pure otherwise. */
const ASKING = new Set([
  'credentials/ask.ts',
  'credentials/ask-listener.ts',
  'authorization/this-machine.ts',
]);
const PURE_ROOMS = new Set(['credentials', 'authorization']);

const HANDLE_FILE = 'sys/socket-handle.ts';
const BANNED_NAMES = /(^|-)(utils?|helpers?|common|types)\.(ts|mjs|c|h)$/;
const MOST_LINES = 450;

const faults = [];

function sourceFiles(directory, endings = ['.ts']) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && endings.some(ending => entry.name.endsWith(ending)))
    .map(entry => join(entry.parentPath ?? entry.path, entry.name));
}

function roomOf(name) {
  const [first] = name.split('/');
  return ROOMS.indexOf(first);
}

/** What a file imports or re-exports: module, whether only types, and the node. */
function importsOf(source) {
  return source.statements.flatMap(statement => {
    if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return [];
    if (statement.moduleSpecifier === undefined) return [];
    const clause = ts.isImportDeclaration(statement) ? statement.importClause : statement;
    const names = clause?.namedBindings?.elements ?? clause?.exportClause?.elements;
    const onlyTypes =
      clause?.isTypeOnly === true || (names?.every(name => name.isTypeOnly) === true && !clause?.name);
    return [{ module: statement.moduleSpecifier.text, onlyTypes }];
  });
}

function parse(file) {
  return ts.createSourceFile(file, readFileSync(file, 'utf8'), ts.ScriptTarget.Latest, true);
}

function everyNode(node, visit) {
  visit(node);
  node.forEachChild(child => everyNode(child, visit));
}

function fault(file, node, what) {
  const source = node.getSourceFile();
  const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
  faults.push(`${relative(root, file)}:${line + 1}: ${what}`);
}

function member(node, object, name) {
  return (
    ts.isPropertyAccessExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === object &&
    node.name.text === name
  );
}

function text(node) {
  if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddle(node)) return node.text;
  return ts.isTemplateTail(node) ? node.text : undefined;
}

function checkImports(file, source) {
  const name = relative(library, file);
  const room = roomOf(name);
  if (room === -1) faults.push(`${relative(root, file)}: no room of ARCHITECTURE.md; add it to ROOMS`);
  const pure = PURE_ROOMS.has(ROOMS[room]) && !ASKING.has(name);
  for (const { module, onlyTypes } of importsOf(source)) {
    if (module.startsWith('.')) {
      const target = relative(library, join(dirname(file), module));
      if (roomOf(target) > room) faults.push(`${name}: imports ${target}, which is above it`);
      if (pure && target.startsWith('sys/') && !onlyTypes)
        faults.push(`${name}: is pure, and imports ${target}`);
    } else if (!module.startsWith('node:')) {
      faults.push(`${name}: imports ${module}; the library has no dependencies`);
    } else if (pure && !onlyTypes) {
      faults.push(`${name}: is pure, and imports ${module}`);
    }
  }
}

function checkNode(file, node, inSys, isHandleFile) {
  if (!inSys && member(node, 'process', 'platform')) fault(file, node, 'process.platform outside sys/');
  if (!inSys && /\/proc\b/.test(text(node) ?? '')) fault(file, node, '/proc outside sys/');
  if (!isHandleFile && ts.isIdentifier(node) && node.text === '_handle')
    fault(file, node, `_handle outside ${HANDLE_FILE}`);
  if (member(node, 'process', 'env')) fault(file, node, 'the environment outside packages/cli');
  if (member(node, 'process', 'exit')) fault(file, node, 'process.exit outside packages/cli');
  if (ts.isIdentifier(node) && node.text === 'console') fault(file, node, 'console outside packages/cli');
}

function checkAnywhere(file, node) {
  if (ts.isAsExpression(node) && node.type.kind === ts.SyntaxKind.AnyKeyword) fault(file, node, 'as any');
}

for (const file of sourceFiles(library)) {
  const name = relative(library, file);
  const source = parse(file);
  checkImports(file, source);
  everyNode(source, node => {
    checkNode(file, node, name.startsWith('sys/'), name === HANDLE_FILE);
    checkAnywhere(file, node);
  });
  if (basename(name) === 'index.ts' && !source.statements.every(ts.isExportDeclaration)) {
    faults.push(`${name}: something other than re-exports`);
  }
}

/** -1 is below all rooms; undefined a folder that is no room. */
function commandRoomOf(name) {
  if (name === 'main.ts') return COMMAND_ROOMS.length;
  const folder = dirname(name);
  if (folder === '.') return -1;
  const room = COMMAND_ROOMS.indexOf(folder);
  return room === -1 ? undefined : room;
}

function checkCommandImport(file, target) {
  const name = relative(command, file);
  if (commandRoomOf(target) > commandRoomOf(name)) {
    faults.push(`${relative(root, file)}: imports ${target}, which is above it`);
  }
  const [from, to] = [name, target].map(one => (one.includes('/') ? one.split('/')[0] : undefined));
  if (from === undefined || to === undefined || from === to || USED_BY.get(to) === from) return;
  faults.push(`${relative(root, file)}: imports ${target}, which is another subcommand's own`);
}

for (const file of sourceFiles(command)) {
  const name = relative(command, file);
  const source = parse(file);
  const room = commandRoomOf(name);
  if (room === undefined)
    faults.push(`${relative(root, file)}: no room of the command; add it to COMMAND_ROOMS`);
  for (const { module } of importsOf(source)) {
    if (module.startsWith('.')) checkCommandImport(file, relative(command, join(dirname(file), module)));
    if (/^sockcred\/.*[/.]/.test(module) || module.includes('../sockcred')) {
      faults.push(`${relative(root, file)}: imports ${module}; the command uses the public surface only`);
    }
  }
  everyNode(source, node => checkAnywhere(file, node));
}

for (const file of sourceFiles(join(root, 'packages'), ['.ts', '.mjs', '.c', '.h'])) {
  const name = relative(root, file);
  if (/(^|\/)(dist|build|node_modules)\//.test(name)) continue;
  if (BANNED_NAMES.test(name)) faults.push(`${name}: a name that says nothing`);
  const lines = readFileSync(file, 'utf8').split('\n').length - 1;
  if (lines > MOST_LINES)
    faults.push(`${name}: ${lines} lines; more than ${MOST_LINES} is more than one idea`);
}

for (const line of faults) console.error(line);
console.log(`structure: ${faults.length === 0 ? 'as ARCHITECTURE.md says' : `${faults.length} faults`}`);
process.exitCode = faults.length === 0 ? 0 : 1;
