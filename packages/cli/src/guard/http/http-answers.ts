/** What the guard itself says to an HTTP client, as problem details in JSON: RFC 9457. */

import { type OutgoingHttpHeaders, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

/** Something that ends an exchange before, or instead of, an answer of the server behind. */
export class HttpProblem extends Error {
  readonly status: number;

  constructor(status: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

interface Answer {
  readonly body: string;
  readonly headers: OutgoingHttpHeaders;
}

/** The connection ends with it: what the client may have sent meanwhile belongs to nothing. */
function answerTo(status: number, detail: string, more: OutgoingHttpHeaders): Answer {
  const body = `${JSON.stringify({ title: STATUS_CODES[status] ?? 'Error', status, detail })}\n`;
  return {
    body,
    headers: {
      'Content-Type': 'application/problem+json',
      'Content-Length': Buffer.byteLength(body),
      'Cache-Control': 'no-store',
      Connection: 'close',
      ...more,
    },
  };
}

/** Answers, unless an answer is on its way; then it is cut, so that nobody takes it for a whole one. */
export function sendProblem(
  response: ServerResponse,
  status: number,
  detail: string,
  more: OutgoingHttpHeaders = {},
): void {
  if (response.headersSent) {
    if (!response.writableFinished) response.destroy();
    return;
  }
  const { body, headers } = answerTo(status, detail, more);
  // An answer that could not be given may have left its own reason here, which could be why.
  response.writeHead(status, STATUS_CODES[status] ?? 'Error', headers).end(body);
}

/** How long whoever does not read has to take the last answer of a connection. */
const LAST_ANSWER_MS = 2000;

/** Answers on a connection that HTTP has let go of, and closes it, whatever else comes on it. */
export function endWithProblem(
  socket: Duplex,
  status: number,
  detail: string,
  more: OutgoingHttpHeaders = {},
): void {
  const { body, headers } = answerTo(status, detail, more);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const late = setTimeout(() => socket.destroy(), LAST_ANSWER_MS);
  socket.once('close', () => clearTimeout(late));
  // HTTP reads it no more: without this its end is never heard, nor that of its client.
  socket.resume();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`, () =>
    socket.destroy(),
  );
}
