/** Which name was meant by one that does not exist? For messages only: nothing is ever read as what it resembles. */

/** What people write who come from other tools. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['uid', 'user'],
  ['gid', 'group'],
  ['namespaces', 'sameNamespaces'],
  ['service', 'unit'],
  ['app', 'application'],
  ['action', 'effect'],
  ['roles', 'as'],
]);

/** Longer names are not compared: it would take time, and nobody mistypes them into one of ours. */
const MOST_LENGTH = 32;

/** How many letters have to be put in, left out or exchanged: Levenshtein's distance. */
function distance(a: string, b: string): number {
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const kept = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      line.push(Math.min(kept, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1));
    }
    above = line;
  }
  return above[b.length] ?? 0;
}

/** `same_user`, `same-user` and `SameUser` are `sameUser`. */
const plain = (name: string) => name.replace(/[-_ ]/g, '').toLowerCase();

/** The one of these names that is near to a given one. */
export function nearName(given: string, names: Iterable<string>): string | undefined {
  if (given.length > MOST_LENGTH) return undefined;
  const all = [...names];
  const elsewhere = ELSEWHERE.get(plain(given));
  if (elsewhere !== undefined && all.includes(elsewhere)) return elsewhere;
  const ranked = all
    .map(name => ({ name, steps: distance(plain(given), plain(name)) }))
    .sort((a, b) => a.steps - b.steps);
  const [best] = ranked;
  return best !== undefined && best.steps <= 2 && best.steps < best.name.length / 2 ? best.name : undefined;
}
