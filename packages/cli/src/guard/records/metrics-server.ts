/** Answers with the metrics, over HTTP on a Unix socket of its own; whoever may connect may read, a few at a time of each user. */

import { createServer } from 'node:http';
import { createGate } from 'sockcred/gate';
import type { GuardMetrics } from './metrics.ts';

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';
/** At the same time, and of one user, so that nobody keeps others from reading; each has to ask within five seconds. */
const LIMITS = { connections: 64, connectionsPerUid: 8 };
const ASK_WITHIN_MS = 5000;

/** Serves until it is closed, and keeps no program running. */
export interface MetricsServer {
  close(): Promise<void>;
}

export async function serveMetrics(
  path: string,
  mode: number,
  metrics: GuardMetrics,
): Promise<MetricsServer> {
  const within = { headersTimeout: ASK_WITHIN_MS, requestTimeout: ASK_WITHIN_MS };
  const server = createServer({ ...within, connectionsCheckingInterval: 1000 }, (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
      return;
    }
    const known = ['/', '/metrics'].includes(request.url?.split('?', 1)[0] ?? '');
    const text = known ? metrics.text() : 'There is nothing here but /metrics.\n';
    response.writeHead(known ? 200 : 404, {
      'content-type': TYPE,
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  });
  const gate = createGate({ name: 'sockcred guard metrics', authorize: () => true, limits: LIMITS });
  gate.handTo(server);
  await gate.listen(path, path.startsWith('@') ? {} : { mode });
  return { close: () => gate.close({ graceMs: 0 }) };
}
