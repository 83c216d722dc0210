/** A user as it would be after a login, by passwd(5) and group(5): its own group, and those that list it. */

import { readFileSync } from 'node:fs';
import { escapeText } from 'sockcred';
import { UsageError } from './exit-codes.ts';

/** The ids of a user. */
export interface UserInFiles {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
}

const fieldsOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .map(line => line.split(':'));

const isId = (text: string) => /^[0-9]{1,10}$/.test(text) && Number(text) < 0xffffffff;

/** @throws {@link UsageError} where there is no such user. */
export function userInFiles(option: string, name: string): UserInFiles {
  const found = fieldsOf('/etc/passwd').find(
    ([user, , uid = '', gid = '']) => user === name && name !== '' && isId(uid) && isId(gid),
  );
  if (found === undefined) throw new UsageError(`${option}: there is no user '${escapeText(name)}' here`);
  const [, , uid, gid] = found;
  const groups = fieldsOf('/etc/group')
    .filter(([, , id = '', members = '']) => isId(id) && members.split(',').includes(name))
    .map(([, , id]) => Number(id));
  return { uid: Number(uid), gid: Number(gid), groups: [...new Set([Number(gid), ...groups])] };
}
