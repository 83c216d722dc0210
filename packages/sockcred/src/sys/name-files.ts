/**
 * passwd(5) and group(5): which ids do these names have? Who vouches: whoever
 * may write these two files, root. Names that only a directory service knows are
 * not found here, and not being found is never an id.
 */

import { isId } from '../ids.ts';
import { fs } from './builtin-modules.ts';

/** The id in the third field of the first line that begins with this name. Pure. */
export function idInFile(text: string, name: string): number | undefined {
  if (name === '' || /[:\n+-]/.test(name[0] ?? '') || /[:\n]/.test(name)) return undefined;
  for (const line of text.split('\n')) {
    if (!line.startsWith(`${name}:`)) continue;
    const id = line.split(':')[2] ?? '';
    return /^[0-9]{1,10}$/.test(id) && isId(Number(id)) ? Number(id) : undefined;
  }
  return undefined;
}

function lookUp(file: string, name: string): number | undefined {
  try {
    return idInFile(fs().readFileSync(file, 'utf8'), name);
  } catch {
    return undefined;
  }
}

export function userInFiles(name: string): number | undefined {
  return lookUp('/etc/passwd', name);
}

export function groupInFiles(name: string): number | undefined {
  return lookUp('/etc/group', name);
}
