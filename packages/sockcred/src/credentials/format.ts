/**
 * A peer as lines of text for a person: every field with its value, who
 * vouches for it and when it was true, or why it is unknown. Text that a peer
 * could have shaped is escaped, so that it can never add a line or colour.
 */

import { CREDENTIAL_FIELDS, type CredentialField, type Evidence } from './evidence.ts';
import type { PeerFacts } from './peer-credentials.ts';
import type { Peer } from './questions.ts';

/** How a peer is to look as text. */
export interface FormatOptions {
  /** Emphasis by ANSI escape sequences; for terminals. Default: false. */
  readonly color?: boolean;
}

/** More groups than this are counted instead of listed. */
const MOST_GROUPS = 32;

const MOMENTS = {
  connect: 'at connect()',
  listen: 'at listen()',
  bind: 'at bind()',
  socketpair: 'at socketpair()',
  socket: 'at socket()',
  now: 'now',
} as const;

/** Fields of few systems: no line says of the others that they lack them. */
const RARE: ReadonlySet<CredentialField> = new Set(['otherIds', 'zone']);

const NAMES: Partial<Record<CredentialField, string>> = { otherIds: 'others' };

const ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

/**
 * Control, format (those of the direction of writing among them), line-separating and private characters, and
 * what is shown as nothing at all: none of them belongs in one line of text.
 */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\\]/gu;

/**
 * Text from elsewhere (a path, a label, a name) as one harmless line.
 *
 * @example
 * ```ts
 * import { escapeText } from 'sockcred';
 *
 * console.log(escapeText('innocent\nuid=0')); // innocent\nuid=0
 * ```
 */
export function escapeText(text: string): string {
  return text.replace(UNPRINTABLE, character => {
    return ESCAPES[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}

function textOf(peer: PeerFacts, field: CredentialField): string {
  switch (field) {
    case 'groups': {
      const groups = peer.groups ?? [];
      const rest = groups.length - MOST_GROUPS;
      const shown = groups.slice(0, MOST_GROUPS).join(' ');
      return rest > 0 ? `${shown} and ${rest} more` : shown;
    }
    case 'label':
      if (peer.label?.text !== undefined) return escapeText(peer.label.text);
      return `bytes ${(peer.label?.bytes ?? []).map(byte => byte.toString(16).padStart(2, '0')).join('')}`;
    case 'otherIds': {
      const { realUid, savedUid, realGid, savedGid } = peer.otherIds ?? {};
      return `uid ${realUid} real, ${savedUid} saved; gid ${realGid} real, ${savedGid} saved`;
    }
    default:
      return `${peer[field]}`;
  }
}

function noteOf(evidence: Evidence): string {
  if (!evidence.known) return `${evidence.reason}: ${escapeText(evidence.detail)}`;
  if (evidence.source === 'caller') return 'the asking program says so';
  if (evidence.source === 'socket names') return 'by the names of both ends';
  const moment = evidence.captured === undefined ? 'when is not known' : MOMENTS[evidence.captured];
  if (evidence.source === 'forwarded') return `the server in front says so, ${moment}`;
  return `${evidence.source}, ${moment}`;
}

/**
 * The peer, one field a line, without a final newline.
 *
 * @example
 * ```ts
 * import { formatPeer, peerCredentials } from 'sockcred';
 * import { createServer } from 'node:net';
 *
 * createServer(socket => socket.end(`${formatPeer(peerCredentials(socket))}\n`));
 * ```
 */
export function formatPeer(peer: Peer, options?: FormatOptions): string {
  const paint = (code: number, text: string) =>
    options?.color === true ? `\x1b[${code}m${text}\x1b[0m` : text;
  const rows = CREDENTIAL_FIELDS.filter(field => peer.evidence[field].known || !RARE.has(field)).map(
    field => {
      const evidence = peer.evidence[field];
      const value = evidence.known ? textOf(peer, field) : 'unknown';
      return { name: NAMES[field] ?? field, evidence, value };
    },
  );
  const width = Math.min(24, Math.max(...rows.map(row => row.value.length)));
  return rows
    .map(({ name, evidence, value }) => {
      const strong = paint(evidence.known ? 1 : 33, value);
      const padding = ' '.repeat(Math.max(0, width - value.length));
      return `${name.padEnd(6)}  ${strong}${padding}  ${paint(2, noteOf(evidence))}`;
    })
    .join('\n');
}
