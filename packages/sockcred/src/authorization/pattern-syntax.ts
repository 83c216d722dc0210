/**
 * Takes a regular expression apart: what JavaScript means by it (flag `u`),
 * without what no engine can match in time that grows with the text only
 * (look-around, references back). Pure.
 */

/** Does this code point fit? */
export type CharacterTest = (codePoint: number) => boolean;

export type PatternNode =
  | { readonly kind: 'character'; readonly fits: CharacterTest }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'sequence' | 'choice'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'group'; readonly index: number; readonly node: PatternNode }
  | {
      readonly kind: 'repeat';
      readonly node: PatternNode;
      readonly least: number;
      /** Infinity: as often as it goes. */
      readonly most: number;
      readonly lazy: boolean;
      /** The groups inside: the first, and the one after the last. Each round begins without them. */
      readonly groups: readonly [number, number];
    };

/** Why a pattern is not taken, with the character where that can be said. */
export class PatternFault extends Error {
  constructor(what: string, at?: number) {
    super(at === undefined ? what : `character ${at + 1}: ${what}`);
  }
}

/** Longer than anybody writes. */
const MOST_SOURCE = 1000;
const MOST_DEPTH = 50;

const literal =
  (wanted: number): CharacterTest =>
  codePoint =>
    codePoint === wanted;

/** A class, an escape or a dot: one character, so the runtime's own engine tells without looking for anything. */
function ofSource(source: string): CharacterTest {
  const one = new RegExp(`^${source}$`, 'u');
  return codePoint => one.test(String.fromCodePoint(codePoint));
}

class Parser {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  groups = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get ended(): boolean {
    return this.#at >= this.#source.length;
  }

  #next(text: string): boolean {
    if (!this.#source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** What a sticky expression matches here. */
  #take(what: RegExp): RegExpExecArray | undefined {
    what.lastIndex = this.#at;
    const found = what.exec(this.#source);
    if (found === null) return undefined;
    this.#at += found[0].length;
    return found;
  }

  choice(): PatternNode {
    if (++this.#depth > MOST_DEPTH) throw new PatternFault('nested too deeply', this.#at);
    const nodes = [this.#sequence()];
    while (this.#next('|')) nodes.push(this.#sequence());
    this.#depth--;
    return nodes.length === 1 ? (nodes[0] as PatternNode) : { kind: 'choice', nodes };
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = [];
    while (!this.ended && !'|)'.includes(this.#source[this.#at] as string)) nodes.push(this.#repeated());
    return { kind: 'sequence', nodes };
  }

  #repeated(): PatternNode {
    const first = this.groups + 1;
    const node = this.#atom();
    const found = this.#take(/(?:([*+?])|\{([0-9]+)(,?)([0-9]*)\})(\??)/uy);
    if (found === undefined) return node;
    const [, sign, from = '', comma, to = '', lazy] = found;
    const least = sign === undefined ? Number(from) : sign === '+' ? 1 : 0;
    const bound = comma === '' ? least : to === '' ? Number.POSITIVE_INFINITY : Number(to);
    const most = sign === undefined ? bound : sign === '?' ? 1 : Number.POSITIVE_INFINITY;
    return { kind: 'repeat', node, least, most, lazy: lazy === '?', groups: [first, this.groups + 1] };
  }

  #atom(): PatternNode {
    if (this.#next('^')) return { kind: 'start' };
    if (this.#next('$')) return { kind: 'end' };
    if (this.#next('(')) return this.#group();
    const at = this.#at;
    const escaped = this.#take(/\\([1-9kbB])/uy)?.[1];
    if (escaped === 'b' || escaped === 'B') throw new PatternFault('borders of words are not looked for', at);
    if (escaped !== undefined) throw new PatternFault('a pattern cannot refer back to a group', at);
    const several =
      this.#take(/\[(?:[^\]\\]|\\.)*\]/suy) ??
      this.#take(
        /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|[uU]\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[pP]\{[^}]*\}|c[a-zA-Z]|.)/suy,
      ) ??
      this.#take(/\./uy);
    if (several !== undefined) return { kind: 'character', fits: ofSource(several[0]) };
    const one = this.#source.codePointAt(this.#at) as number;
    this.#at += String.fromCodePoint(one).length;
    return { kind: 'character', fits: literal(one) };
  }

  #group(): PatternNode {
    const at = this.#at - 1;
    let index: number | undefined;
    if (this.#take(/\?(?:<?[=!])/uy) !== undefined)
      throw new PatternFault('a pattern does not look around', at);
    if (this.#take(/\?<[^>]*>/uy) !== undefined) index = ++this.groups;
    else if (!this.#next('?:')) {
      if (this.#next('?')) throw new PatternFault('there are no flags in a pattern', at);
      index = ++this.groups;
    }
    const node = this.choice();
    this.#next(')');
    return index === undefined ? node : { kind: 'group', index, node };
  }
}

/**
 * Reads a pattern.
 *
 * @throws {@link PatternFault}
 */
export function parsePattern(source: string): { readonly node: PatternNode; readonly groups: number } {
  if (source.length > MOST_SOURCE) throw new PatternFault(`longer than ${MOST_SOURCE} characters`);
  try {
    // What JavaScript does not take is not taken; what is read below has no fault of syntax any more.
    new RegExp(source, 'u');
  } catch {
    throw new PatternFault('is no regular expression');
  }
  const parser = new Parser(source);
  const node = parser.choice();
  return { node, groups: parser.groups };
}
