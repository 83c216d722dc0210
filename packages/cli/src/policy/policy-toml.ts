/**
 * The text of a policy file as plain data, with the place of everything in it.
 * Pure. The parser's tree is walked here rather than made into objects by the
 * parser: keys of any name are kept, `__proto__` included, so that each one is
 * either understood or a fault.
 */

import { pathTo } from 'sockcred/authorization';
import { type AST, ParseError, parseTOML } from 'toml-eslint-parser';

/** From 1, as editors count. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Where a property's name stands, and where its value does. */
interface Places {
  readonly key: Position;
  readonly value: Position;
}

/** Something that is wrong with the text itself. */
export interface TextFault {
  readonly path: string;
  readonly message: string;
}

export interface ParsedToml {
  readonly data: Readonly<Record<string, unknown>>;
  readonly faults: readonly TextFault[];
  /** The position of a path as faults have it; of the nearest one around it where it is not there itself. */
  positionOf(path: string, of: 'key' | 'value'): Position;
}

/** The text is no TOML. The parser tells the first fault only. */
export class TomlSyntaxError extends Error {
  override readonly name = 'TomlSyntaxError';
  readonly position: Position;

  constructor(message: string, position: Position) {
    super(message);
    this.position = position;
  }
}

type Table = Record<string, unknown>;

const START: Position = { line: 1, column: 1 };
/** Deeper than any policy, and shallow enough to walk without end of stack. */
const MOST_DEPTH = 64;

function startOf(node: AST.TOMLNode): Position {
  const { line, column } = node.loc.start;
  return { line, column: column + 1 };
}

/** A message as the beginning of a sentence of ours is: without capital, with no full stop. */
function sentence(message: string): string {
  return `${message.charAt(0).toLowerCase()}${message.slice(1)}`.replace(/\.$/, '');
}

/** The parser takes one for white space; editors show it as the end of a line, or not at all. */
function refuseCarriageReturn(text: string): void {
  const at = text.search(/\r(?!\n)/);
  if (at === -1) return;
  const before = text.slice(0, at).split('\n');
  const position = { line: before.length, column: (before.at(-1) ?? '').length + 1 };
  throw new TomlSyntaxError('a carriage return that ends no line', position);
}

function parse(text: string): AST.TOMLProgram {
  refuseCarriageReturn(text);
  try {
    return parseTOML(text, { tomlVersion: '1.0' });
  } catch (error) {
    if (error instanceof ParseError) {
      throw new TomlSyntaxError(sentence(error.message), {
        line: error.lineNumber,
        column: error.column + 1,
      });
    }
    if (error instanceof RangeError) throw new TomlSyntaxError('is nested too deep to be read', START);
    throw error;
  }
}

/** Walks one file's tree. */
class Walk {
  readonly places = new Map<string, Places>();
  readonly faults: TextFault[] = [];
  readonly top: Table = Object.create(null);

  program(program: AST.TOMLProgram): void {
    for (const node of program.body[0].body) {
      if (node.type === 'TOMLKeyValue') this.#keyValue(this.top, '', node, 0);
      else this.#table(node);
    }
  }

  #table(node: AST.TOMLTable): void {
    let at: Table = this.top;
    let path = '';
    const names = node.resolvedKey;
    for (const [index, name] of names.entries()) {
      const next = pathTo(path, name);
      if (!this.places.has(next)) this.#place(next, node, node);
      path = next;
      const rest = names[index + 1];
      const inner: unknown = (at as Record<string | number, unknown>)[name];
      if (typeof inner === 'object' && inner !== null) {
        at = inner as Table;
        continue;
      }
      const made: Table = typeof rest === 'number' ? ([] as unknown as Table) : Object.create(null);
      (at as Record<string | number, unknown>)[name] = made;
      at = made;
    }
    for (const entry of node.body) this.#keyValue(at, path, entry, names.length);
  }

  #keyValue(table: Table, parent: string, node: AST.TOMLKeyValue, depth: number): void {
    let at = table;
    let path = parent;
    const { keys } = node.key;
    for (const [index, key] of keys.entries()) {
      const name = key.type === 'TOMLBare' ? key.name : key.value;
      path = pathTo(path, name);
      const isLast = index === keys.length - 1;
      if (!this.places.has(path)) this.#place(path, key, isLast ? node.value : key);
      if (isLast) {
        at[name] = this.#value(node.value, path, depth + keys.length);
        continue;
      }
      const inner = at[name];
      const next: Table =
        typeof inner === 'object' && inner !== null ? (inner as Table) : Object.create(null);
      at[name] = next;
      at = next;
    }
  }

  #value(node: AST.TOMLContentNode, path: string, depth: number): unknown {
    if (depth > MOST_DEPTH) {
      this.faults.push({ path, message: `nested deeper than ${MOST_DEPTH} levels` });
      return undefined;
    }
    switch (node.type) {
      case 'TOMLArray':
        return node.elements.map((element, index) => {
          const inner = pathTo(path, index);
          this.#place(inner, element, element);
          return this.#value(element, inner, depth + 1);
        });
      case 'TOMLInlineTable': {
        const table: Table = Object.create(null);
        for (const entry of node.body) this.#keyValue(table, path, entry, depth + 1);
        return table;
      }
      default:
        if (typeof node.value === 'object') {
          this.faults.push({ path, message: 'dates and times have no meaning in a policy' });
          return undefined;
        }
        return node.value;
    }
  }

  #place(path: string, key: AST.TOMLNode, value: AST.TOMLNode): void {
    this.places.set(path, { key: startOf(key), value: startOf(value) });
  }
}

/** Does `path` lie at or below `around`? */
function isWithin(path: string, around: string): boolean {
  if (!path.startsWith(around)) return false;
  const next = path[around.length];
  return next === undefined || next === '.' || next === '[';
}

/**
 * Reads the text of a file.
 *
 * @throws {@link TomlSyntaxError}
 */
export function readToml(text: string): ParsedToml {
  const walk = new Walk();
  walk.program(parse(text));
  const { top, faults, places } = walk;
  return {
    data: top,
    faults,
    positionOf(path, of) {
      const found = places.get(path);
      if (found !== undefined) return found[of];
      let nearest = '';
      for (const around of places.keys()) {
        if (around.length > nearest.length && isWithin(path, around)) nearest = around;
      }
      return places.get(nearest)?.key ?? START;
    },
  };
}
