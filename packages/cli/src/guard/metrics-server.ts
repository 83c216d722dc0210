/** Answers with the metrics, over HTTP on a Unix socket of its own; whoever may connect may read. */

import { createServer } from 'node:http';
import { type Listening, listenAt } from 'sockcred';
import type { GuardMetrics } from './metrics.ts';

const TYPE = 'text/plain; version=0.0.4; charset=utf-8';
const MOST_CONNECTIONS = 16;

/** Serves until it is closed, and keeps no program running. */
export interface MetricsServer {
  close(): Promise<void>;
}

export async function serveMetrics(
  path: string,
  mode: number,
  metrics: GuardMetrics,
): Promise<MetricsServer> {
  const server = createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (request, response) => {
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
  server.maxConnections = MOST_CONNECTIONS;
  const listening: Listening = await listenAt(server, path, path.startsWith('@') ? {} : { mode });
  server.unref();
  return {
    close: async () => {
      const closed = listening.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
