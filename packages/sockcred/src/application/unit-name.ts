/**
 * What the names of cgroups say under systemd: units, slices, sessions and
 * applications. Pure. Names only; whose word each of them is comes from the
 * directory's owner. See systemd.unit(5), systemd.slice(5), and "Desktop
 * Environment Integration" at systemd.io.
 */

import { isId } from '../ids.ts';

/** What the names on the way to a cgroup say. Indices are of the segment that says it. */
export interface UnitNames {
  readonly unit?: string;
  readonly unitAt?: number;
  readonly userUnit?: string;
  readonly userUnitAt?: number;
  readonly unitInstance?: string;
  readonly slice?: string;
  readonly session?: string;
  readonly slicedUid?: number;
  readonly applicationId?: string;
}

const UNIT = /^[\w:.\\@-]{1,249}\.(?:service|scope|socket|mount|swap)$/;
const SLICE = /^[\w:.\\-]{1,250}\.slice$/;
const UID = /^(?:0|[1-9]\d{0,9})$/;

/** `\x2d` is a minus: systemd-escape(1). Undefined if the escapes are not whole, or not UTF-8. */
export function unescapeUnit(name: string): string | undefined {
  if (!name.includes('\\')) return name;
  if (/\\(?!x[0-9a-f]{2})/.test(name)) return undefined;
  const bytes = new TextEncoder().encode(name);
  const out: number[] = [];
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0x5c) {
      out.push(bytes[at] ?? 0);
      continue;
    }
    out.push(Number.parseInt(String.fromCharCode(bytes[at + 2] ?? 0, bytes[at + 3] ?? 0), 16));
    at += 3;
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(out));
  } catch {
    return undefined;
  }
}

/** systemd puts a `_` before a name that the kernel would take for one of its own files. */
const named = (segment: string) => (segment.startsWith('_') ? segment.slice(1) : segment);

/** The application in `app-[LAUNCHER-]ID-RANDOM.scope` or `app-[LAUNCHER-]ID[@RANDOM].service`. */
export function applicationOf(unit: string): string | undefined {
  const [, name, kind] = /^app-(.+)\.(scope|service)$/.exec(unit) ?? [];
  if (name === undefined) return undefined;
  const parts = (kind === 'service' ? (name.split('@')[0] ?? '') : name).split('-');
  if (kind === 'scope') {
    if (parts.length !== 2 && parts.length !== 3) return undefined;
    parts.pop();
  } else if (parts.at(-1) === 'autostart' && parts.length > 1) {
    parts.pop();
  }
  if (parts.length !== 1 && parts.length !== 2) return undefined;
  const id = unescapeUnit(parts.at(-1) ?? '');
  return id === undefined || !/^[\w.-]{1,255}$/.test(id) ? undefined : id;
}

/** `INSTANCE` of `NAME@INSTANCE.service`, unescaped; undefined of a unit that is none of a template's. */
export function instanceOf(unit: string): string | undefined {
  const instance = /^[^@]+@(.+)\.[a-z]+$/.exec(unit)?.[1];
  return instance === undefined ? undefined : unescapeUnit(instance);
}

function uidIn(text: string | undefined): number | undefined {
  return text !== undefined && UID.test(text) && isId(Number(text)) ? Number(text) : undefined;
}

/** Skips slices from a segment on: the innermost slice, and the segment after it. */
function skipSlices(segments: readonly string[], from: number): { slice?: string; at: number } {
  let at = from;
  let slice: string | undefined;
  while (at < segments.length && SLICE.test(named(segments[at] ?? ''))) {
    slice = named(segments[at] ?? '');
    at++;
  }
  return slice === undefined ? { at } : { slice, at };
}

/** Reads the names; undefined if systemd did not give them. */
export function unitNames(segments: readonly string[]): UnitNames | undefined {
  const system = skipSlices(segments, 0);
  const unit = named(segments[system.at] ?? '');
  if (!UNIT.test(unit)) {
    return system.slice === undefined ? undefined : { slice: system.slice };
  }
  const slicedUid = uidIn(
    segments
      .slice(0, system.at)
      .map(name => /^user-(\d+)\.slice$/.exec(name)?.[1])
      .find(uid => uid !== undefined),
  );
  const session = /^session-([\w.-]{1,64})\.scope$/.exec(unit)?.[1];
  const isManager = uidIn(/^user@(\d+)\.service$/.exec(unit)?.[1]) !== undefined;
  const user = isManager ? skipSlices(segments, system.at + 1) : { at: segments.length };
  const userUnit = named(segments[user.at] ?? '');
  const hasUserUnit = isManager && UNIT.test(userUnit);
  const slice = user.slice ?? system.slice;
  const innermost = hasUserUnit ? userUnit : unit;
  const applicationId = applicationOf(innermost);
  const unitInstance = instanceOf(innermost);
  return {
    unit,
    unitAt: system.at,
    ...(hasUserUnit ? { userUnit, userUnitAt: user.at } : {}),
    ...(unitInstance === undefined ? {} : { unitInstance }),
    ...(slice === undefined ? {} : { slice }),
    ...(session === undefined ? {} : { session }),
    ...(slicedUid === undefined ? {} : { slicedUid }),
    ...(applicationId === undefined ? {} : { applicationId }),
  };
}
