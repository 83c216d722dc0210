/**
 * Matches a whole text in one pass, in time that grows with the text and the
 * pattern and with nothing else: users choose the names of their units, and
 * JavaScript's own engine can be made to try for years. All ways to match
 * are followed at once, the preferred one first (Pike's machine, as in RE2), so the groups
 * are those that JavaScript would find, but for rounds of `{0,2}` and the like that match nothing: JavaScript takes none of
 * them. Pure.
 */

import type { Captures } from './condition.ts';
import { type CharacterTest, PatternFault, type PatternNode, parsePattern } from './pattern-syntax.ts';

type Instruction =
  | { readonly op: 'character'; readonly fits: CharacterTest }
  | { readonly op: 'start' | 'end' | 'match' }
  /** Goes on at each of these, the first preferred. */
  | { readonly op: 'split'; to: readonly number[] }
  | { readonly op: 'save'; readonly slot: number }
  | { readonly op: 'forget'; readonly from: number; readonly to: number };

/** Both bound what one match can cost. */
const MOST_INSTRUCTIONS = 1000;

/** Positions of groups in the text, two for each; -1 for none. */
type Slots = readonly number[];

interface Thread {
  readonly at: number;
  readonly slots: Slots;
}

class Program {
  readonly code: Instruction[] = [];

  add(instruction: Instruction): void {
    if (this.code.length >= MOST_INSTRUCTIONS) throw new PatternFault('repeats more than can be followed');
    this.code.push(instruction);
  }

  compile(node: PatternNode): void {
    switch (node.kind) {
      case 'character':
        this.add({ op: 'character', fits: node.fits });
        break;
      case 'start':
      case 'end':
        this.add({ op: node.kind });
        break;
      case 'sequence':
        for (const one of node.nodes) this.compile(one);
        break;
      case 'choice':
        this.#choice(node.nodes);
        break;
      case 'group':
        this.add({ op: 'save', slot: node.index * 2 });
        this.compile(node.node);
        this.add({ op: 'save', slot: node.index * 2 + 1 });
        break;
      case 'repeat':
        this.#repeat(node);
        break;
    }
  }

  /** A jump whose end is not known yet. */
  #split(): { op: 'split'; to: readonly number[] } {
    const split = { op: 'split' as const, to: [] as readonly number[] };
    this.add(split);
    return split;
  }

  #choice(nodes: readonly PatternNode[]): void {
    const first = this.#split();
    const begins: number[] = [];
    const ends = nodes.map(node => {
      begins.push(this.code.length);
      this.compile(node);
      return this.#split();
    });
    first.to = begins;
    for (const end of ends) end.to = [this.code.length];
  }

  #repeat({ node, least, most, lazy, groups: [from, to] }: PatternNode & { kind: 'repeat' }): void {
    const round = () => {
      this.add({ op: 'forget', from: from * 2, to: to * 2 });
      this.compile(node);
    };
    const either = (inside: number, outside: number) => (lazy ? [outside, inside] : [inside, outside]);
    for (let count = 0; count < least; count++) round();
    if (most === Number.POSITIVE_INFINITY) {
      const start = this.code.length;
      const begin = this.#split();
      round();
      this.#split().to = [start];
      begin.to = either(start + 1, this.code.length);
      return;
    }
    const optional: { readonly split: { to: readonly number[] }; readonly inside: number }[] = [];
    for (let count = least; count < most; count++) {
      const split = this.#split();
      optional.push({ split, inside: this.code.length });
      round();
    }
    for (const { split, inside } of optional) split.to = either(inside, this.code.length);
  }
}

/** One turn: the threads that wait for the same character, preferred ones first, each instruction at most once. */
class Turn {
  readonly threads: Thread[] = [];
  readonly #code: readonly Instruction[];
  readonly #seen: Uint8Array;
  /** Of the text, in UTF-16 units. */
  readonly #position: number;
  readonly #last: boolean;

  constructor(code: readonly Instruction[], position: number, last: boolean) {
    this.#code = code;
    this.#seen = new Uint8Array(code.length);
    this.#position = position;
    this.#last = last;
  }

  /** Follows everything that needs no character. Depth first, on a stack of its own: programs are long. */
  follow(first: Thread): void {
    const stack = [first];
    for (let thread = stack.pop(); thread !== undefined; thread = stack.pop()) {
      const { at, slots } = thread;
      if (this.#seen[at] === 1) continue;
      this.#seen[at] = 1;
      const instruction = this.#code[at] as Instruction;
      switch (instruction.op) {
        case 'split':
          for (const to of [...instruction.to].reverse()) stack.push({ at: to, slots });
          break;
        case 'save':
          stack.push({ at: at + 1, slots: slots.with(instruction.slot, this.#position) });
          break;
        case 'forget': {
          const { from, to } = instruction;
          stack.push({
            at: at + 1,
            slots: from === to ? slots : slots.map((was, slot) => (slot >= from && slot < to ? -1 : was)),
          });
          break;
        }
        case 'start':
          if (this.#position === 0) stack.push({ at: at + 1, slots });
          break;
        case 'end':
          if (this.#last) stack.push({ at: at + 1, slots });
          break;
        default:
          this.threads.push(thread);
      }
    }
  }
}

/** A pattern that has to fit all of a text. */
export interface LinearPattern {
  readonly groups: number;
  /** What each group matched, or undefined if the text does not fit. */
  match(text: string): Captures | undefined;
}

/**
 * Compiles a pattern.
 *
 * @throws {@link PatternFault}
 */
export function linearPattern(source: string): LinearPattern {
  const { node, groups } = parsePattern(source);
  const program = new Program();
  program.compile(node);
  program.add({ op: 'match' });
  const { code } = program;
  const none: Slots = Array<number>((groups + 1) * 2).fill(-1);
  return {
    groups,
    match(text) {
      let turn = new Turn(code, 0, text === '');
      turn.follow({ at: 0, slots: none });
      let position = 0;
      for (const character of text) {
        const codePoint = character.codePointAt(0) as number;
        position += character.length;
        const next = new Turn(code, position, position === text.length);
        for (const { at, slots } of turn.threads) {
          const instruction = code[at] as Instruction;
          if (instruction.op === 'character' && instruction.fits(codePoint))
            next.follow({ at: at + 1, slots });
        }
        if (next.threads.length === 0) return undefined;
        turn = next;
      }
      const found = turn.threads.find(({ at }) => code[at]?.op === 'match');
      if (found === undefined) return undefined;
      return Array.from({ length: groups }, (_, index) => {
        const [from = -1, to = -1] = found.slots.slice((index + 1) * 2);
        return from === -1 || to === -1 ? undefined : text.slice(from, to);
      });
    },
  };
}
