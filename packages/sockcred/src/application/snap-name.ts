/**
 * Snaps, by the name of an AppArmor profile, which whoever nothing confines may
 * enter, or of a cgroup, which is its owner's word. Pure.
 */

/** Which program of which snap. */
export interface SnapName {
  /** The snap, with the key of a parallel install: `hello_two`. */
  readonly instance: string;
  /** An application, or `hook.NAME`. */
  readonly app: string;
}

const INSTANCE = '[a-z0-9][a-z0-9-]{0,39}(?:_[a-z0-9]{1,10})?';
const APP = '[A-Za-z0-9](?:-?[A-Za-z0-9])*';
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}';

const PROFILE = new RegExp(`^snap\\.(${INSTANCE})\\.(${APP}|hook\\.${APP})$`);
const SERVICE = new RegExp(`^snap\\.(${INSTANCE})\\.(${APP})\\.service$`);
const SCOPE = new RegExp(`^snap\\.(${INSTANCE})\\.(${APP}|hook\\.${APP})[-.]${UUID}\\.scope$`);

function read(pattern: RegExp, text: string): SnapName | undefined {
  const [, instance, app] = pattern.exec(text) ?? [];
  return instance === undefined || app === undefined ? undefined : { instance, app };
}

/** From the name of a profile, without its mode. */
export function snapOfProfile(profile: string): SnapName | undefined {
  return read(PROFILE, profile);
}

/** From the innermost name of a cgroup. */
export function snapOfCgroup(segment: string): SnapName | undefined {
  return read(SCOPE, segment) ?? read(SERVICE, segment);
}
