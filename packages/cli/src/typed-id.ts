/** Users and groups as they are typed. */

/** A name, or an id in digits: no user's name is one, useradd(8). */
export function typedId(text: string): number | string {
  return /^[0-9]{1,10}$/.test(text) ? Number(text) : text;
}
