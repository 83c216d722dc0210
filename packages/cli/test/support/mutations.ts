/** Bytes with something wrong here and there, the same ones for the same seed. */

/** Numbers below a bound. */
export type Random = (bound: number) => number;

/** A xorshift generator: enough to choose by, and of its own seed. */
export function randomFrom(seed: number): Random {
  let state = seed | 1;
  return bound => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

export function oneOf<T>(random: Random, list: readonly T[]): T {
  return list[random(list.length)] as T;
}

/** Bytes that mean something to a parser. */
const TELLING = [0, 1, 9, 10, 13, 32, 34, 44, 48, 57, 58, 59, 127, 128, 255];

/** A text, latin1, with none up to `most` faults in it: a byte changed, gone or added, a part doubled or gone. */
export function mutated(text: string, random: Random, most: number): Buffer {
  let bytes = [...Buffer.from(text, 'latin1')];
  for (let left = random(most + 1); left > 0 && bytes.length > 0; left--) {
    const at = random(bytes.length);
    const byte = random(2) === 0 ? oneOf(random, TELLING) : random(256);
    switch (random(5)) {
      case 0:
        bytes[at] = byte;
        break;
      case 1:
        bytes.splice(at, 1);
        break;
      case 2:
        bytes.splice(at, 0, byte);
        break;
      case 3:
        bytes.splice(at, random(20));
        break;
      default:
        bytes = [...bytes.slice(0, at + random(60)), ...bytes.slice(at)];
    }
  }
  return Buffer.from(bytes);
}
