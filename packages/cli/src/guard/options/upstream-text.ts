/** Where the server behind is, as it is typed: `unix:PATH` or `tcp:HOST:PORT`. */

import { escapeText } from 'sockcred';
import type { Upstream } from 'sockcred/relay';
import { UsageError } from '../../exit-codes.ts';

function wrong(text: string, what: string): never {
  throw new UsageError(`--to: '${escapeText(text)}' ${what}; unix:PATH or tcp:HOST:PORT`);
}

function tcpUpstream(text: string): Upstream {
  const [, bracketed, bare, digits = ''] = /^tcp:(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? bare;
  if (host === undefined) return wrong(text, 'has not the form tcp:HOST:PORT');
  const port = Number(digits);
  return port >= 1 && port <= 65535 ? { host, port } : wrong(text, 'names no port from 1 to 65535');
}

/** @throws {@link UsageError} */
export function upstreamOf(text: string): Upstream {
  if (text.startsWith('tcp:')) return tcpUpstream(text);
  if (!text.startsWith('unix:')) return wrong(text, 'is neither a Unix socket nor a TCP port');
  const path = text.slice('unix:'.length);
  return path === '' || path === '@' ? wrong(text, 'has an empty path') : { path };
}

/** The same the other way round, for people. */
export function upstreamText(to: Upstream): string {
  if ('path' in to) return `unix:${escapeText(to.path)}`;
  return `tcp:${to.host.includes(':') ? `[${escapeText(to.host)}]` : escapeText(to.host)}:${to.port}`;
}
