/**
 * Everything that can be told of whoever is behind a socket, or of a process:
 * credentials, process, application. A part that cannot be told is in it as the
 * reason why, so that one refusal hides nothing else.
 */

import { type PeerCredentials, PeerError, type PeerJson, peerToJson } from 'sockcred';
import {
  type ApplicationOptions,
  ENGINES,
  type Engine,
  type PeerApplication,
  peerApplication,
} from 'sockcred/application';
import {
  type Drift,
  type HeldProcess,
  type ProcessDescription,
  type ProcessState,
  peerProcess,
} from 'sockcred/process';

/** Why a part is missing. */
export interface Untold {
  readonly code: string;
  readonly message: string;
}

/** A process, as it is now. */
export interface ProcessPart {
  readonly id?: string;
  readonly pid?: number;
  readonly binding: HeldProcess['binding'];
  readonly lowered?: string;
  readonly state: ProcessState;
  readonly description: ProcessDescription | Untold;
  readonly drift?: readonly Drift[];
}

/** Why an engine's claims are missing. */
export interface UntoldEngine extends Untold {
  readonly engine: Engine;
}

/** The application, as far as the engines could be asked. */
export interface ApplicationPart extends PeerApplication {
  readonly untold?: readonly UntoldEngine[];
}

/** All of it. */
export interface Picture {
  readonly credentials?: PeerCredentials;
  readonly process: ProcessPart | Untold;
  readonly application: ApplicationPart | Untold;
}

export function isUntold(part: object): part is Untold {
  return 'code' in part && 'message' in part;
}

function tried<T>(ask: () => T): T | Untold {
  try {
    return ask();
  } catch (error) {
    if (!(error instanceof PeerError)) throw error;
    return { code: error.code, message: error.message };
  }
}

function processPart(held: HeldProcess, drift?: readonly Drift[]): ProcessPart {
  return {
    ...(held.id === undefined ? {} : { id: held.id }),
    ...(held.pid === undefined ? {} : { pid: held.pid }),
    binding: held.binding,
    ...(held.lowered === undefined ? {} : { lowered: held.lowered }),
    state: held.now(),
    description: tried(() => held.describe()),
    ...(drift === undefined ? {} : { drift }),
  };
}

/** Asks all engines at once, and one by one where that is refused: what one is kept from, another may tell. */
function applicationPart(ask: (options?: ApplicationOptions) => PeerApplication): ApplicationPart | Untold {
  const all = tried(() => ask());
  if (!isUntold(all)) return all;
  const asked = ENGINES.map(engine => ({ engine, answer: tried(() => ask({ engines: [engine] })) }));
  const told = asked.flatMap(({ answer }) => (isUntold(answer) ? [] : [answer]));
  if (told.length === 0) return all;
  return {
    ...Object.assign({}, ...told),
    claims: told.flatMap(({ claims }) => claims),
    untold: asked.flatMap(({ engine, answer }) => (isUntold(answer) ? [{ engine, ...answer }] : [])),
  };
}

/** Of whoever is at the other end of a connected socket. */
export function pictureOfPeer(fd: number, credentials: PeerCredentials): Picture {
  const process = tried(() => {
    const held = peerProcess(fd);
    try {
      return processPart(held, held.drift());
    } finally {
      held.close();
    }
  });
  return { credentials, process, application: applicationPart(options => peerApplication(fd, options)) };
}

/** Of a process that was asked for by its number. */
export function pictureOfProcess(held: HeldProcess): Picture {
  return {
    process: processPart(held),
    application: applicationPart(options => peerApplication(held, options)),
  };
}

/** What `--json` prints: wide integers as text, the credentials in their published form. */
export function pictureToJson({ credentials, ...rest }: Picture): Readonly<Record<string, unknown>> {
  const shown: PeerJson | undefined = credentials === undefined ? undefined : peerToJson(credentials);
  return plain({
    schemaVersion: 1,
    ...(shown === undefined ? {} : { credentials: shown }),
    ...rest,
  }) as Record<string, unknown>;
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}
