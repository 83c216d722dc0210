/**
 * What `sockcred serve` writes while it runs: one line per event, for a person
 * or as JSON. Whatever a client chose (its path, its method) is escaped.
 */

import { escapeText, type PeerCredentials, PeerError, peerToJson } from 'sockcred';
import { summary } from '../peer-summary.ts';
import { jsonLine } from '../terminal.ts';

export interface Log {
  listening(where: string, mode: string | undefined): void;
  request(method: string, path: string, status: number, peer: PeerCredentials): void;
  /** A connection was closed because its peer could not be asked about. */
  refused(error: unknown): void;
  stopped(signal: string): void;
}

/** Longer request paths are cut. */
const MOST_PATH = 200;

type Write = (line: string) => void;

function cut(path: string): string {
  return path.length > MOST_PATH ? `${path.slice(0, MOST_PATH)}…` : path;
}

function codeOf(error: unknown): string {
  return error instanceof PeerError ? error.code : String((error as NodeJS.ErrnoException).code ?? 'unknown');
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Lines for a person. */
export function textLog(write: Write): Log {
  const at = () => new Date().toISOString();
  return {
    listening: () => {},
    request: (method, path, status, peer) => {
      write(`${at()} ${escapeText(method)} ${escapeText(cut(path))} ${status} ${summary(peer)}`);
    },
    refused: error => write(`${at()} closed a connection: ${codeOf(error)}: ${escapeText(messageOf(error))}`),
    stopped: signal => write(`${at()} stopped by ${signal}`),
  };
}

/** One JSON object a line. */
export function jsonLog(write: Write): Log {
  const event = (name: string, facts: object) => {
    write(jsonLine({ time: new Date().toISOString(), event: name, ...facts }));
  };
  return {
    listening: (where, mode) => event('listening', { path: where, ...(mode === undefined ? {} : { mode }) }),
    request: (method, path, status, peer) => {
      event('request', { method, path: cut(path), status, peer: peerToJson(peer) });
    },
    refused: error => event('refused', { code: codeOf(error), message: messageOf(error) }),
    stopped: signal => event('stopped', { signal }),
  };
}
