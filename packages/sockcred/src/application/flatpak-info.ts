/**
 * The text of `.flatpak-info`, a key file as the Desktop Entry Specification
 * describes it. Pure. Everything in it is somebody's word; what is not of the
 * form that Flatpak writes is refused as a whole, never half read.
 */

/** What is read of it. */
export interface FlatpakInfo {
  readonly applicationId: string;
  readonly instanceId: string;
  /** It runs a runtime without an application. */
  readonly isRuntime: boolean;
}

type Groups = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** The groups of a key file; undefined if a line has another form, or a key is there twice. */
export function parseKeyFile(text: string): Groups | undefined {
  const groups = new Map<string, Map<string, string>>();
  let group: Map<string, string> | undefined;
  for (const line of text.split('\n')) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const title = /^\[([^[\]]+)\]\s*$/.exec(line)?.[1];
    if (title !== undefined) {
      if (groups.has(title)) return undefined;
      group = new Map();
      groups.set(title, group);
      continue;
    }
    // By hand: a pattern with spaces around the sign takes quadratic time on a long line of spaces.
    const sign = line.indexOf('=');
    const key = line.slice(0, Math.max(0, sign)).trimEnd();
    if (group === undefined || sign <= 0 || key.trimStart() !== key || key === '' || group.has(key)) {
      return undefined;
    }
    group.set(key, line.slice(sign + 1).trim());
  }
  return groups;
}

/** Three or more words with dots between them, as D-Bus has them; a minus only in the last one. */
export function isApplicationId(name: string): boolean {
  return name.length <= 255 && /^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+\.[A-Za-z_][\w-]*$/.test(name);
}

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Reads the bytes; undefined if they are not what Flatpak writes. */
export function parseFlatpakInfo(bytes: Uint8Array): FlatpakInfo | undefined {
  if (bytes.includes(0)) return undefined;
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return undefined;
  }
  const groups = parseKeyFile(text);
  const runtime = groups?.get('Runtime');
  const applicationId = (runtime ?? groups?.get('Application'))?.get('name');
  const instanceId = groups?.get('Instance')?.get('instance-id');
  if (applicationId === undefined || instanceId === undefined) return undefined;
  if (!isApplicationId(applicationId) || !/^\d{1,20}$/.test(instanceId)) return undefined;
  return { applicationId, instanceId, isRuntime: runtime !== undefined };
}

/** Inode numbers of namespaces in bwrapinfo.json; undefined if it has another form. */
export function parseSandboxNamespaces(text: string): ReadonlyMap<string, number> | undefined {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
  const found = new Map<string, number>();
  for (const [key, value] of Object.entries(given)) {
    const name = /^(mnt|pid|net|ipc|user|cgroup|uts)-namespace$/.exec(key)?.[1];
    if (name === undefined) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) return undefined;
    found.set(name, value);
  }
  return found.has('mnt') && found.has('pid') ? found : undefined;
}
