/** Requests that pretend, or that two servers could read in two ways; bytes as they are, as latin1. */

/** What the guard says of this process. */
export const TRUTH = new RegExp(`^1;uid=${process.geteuid?.()};gid=[0-9]+;pid=${process.pid}(;|$)`);

const LIE = '1;uid=0;pid=1';

export const GET = 'GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';

export const POST = 'POST /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n';

const CHUNKED = 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n';

/** Header lines that pretend; each has to be gone. */
export const LINES = [
  `Sockcred-Peer: ${LIE}\r\n`,
  `sockcred-peer: ${LIE}\r\n`,
  `SOCKCRED-PEER: ${LIE}\r\n`,
  `Sockcred_Peer: ${LIE}\r\n`,
  `sockcred_peer: ${LIE}\r\n`,
  `Sockcred.Peer: ${LIE}\r\n`,
  `Sockcred~Peer: ${LIE}\r\n`,
  `Sockcred!Peer: ${LIE}\r\n`,
  `Sockcred-Peer:${LIE}\r\nSockcred-Peer:${LIE}\r\n`,
  `Sockcred-Peer:\t ${LIE} \t\r\n`,
  'Sockcred-Peer:\r\n',
  'Sockcred-Uid: 0\r\nSOCKCRED_GROUPS: 0\r\nsockcred-anything: 1\r\n',
];

/** Requests that two servers could read in two ways; nothing of them may get through. */
export const REFUSED: readonly (readonly [what: string, bytes: string])[] = [
  ['a space before the colon', `${GET}Sockcred-Peer : ${LIE}\r\n\r\n`],
  ['a tab before the colon', `${GET}Sockcred-Peer\t: ${LIE}\r\n\r\n`],
  ['a folded line', `${GET}X: a\r\n Sockcred-Peer: ${LIE}\r\n\r\n`],
  ['a line folded by a tab', `${GET}X: a\r\n\tSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a folded first line', `GET / HTTP/1.1\r\n Sockcred-Peer: ${LIE}\r\nHost: x\r\n\r\n`],
  ['a line feed alone', `${GET}X: a\nSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a carriage return alone', `${GET}X: a\rSockcred-Peer: ${LIE}\r\n\r\n`],
  ['line feeds only', `GET / HTTP/1.1\nHost: x\nSockcred-Peer: ${LIE}\n\n`],
  ['NUL in a value', `${GET}X: a\0\r\n\r\n`],
  ['NUL in a name', `${GET}Sockcred-Peer\0: ${LIE}\r\n\r\n`],
  ['a vertical tab', `${GET}X: a\x0bSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a form feed', `${GET}X: a\x0cSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a file separator', `${GET}X: a\x1cSockcred-Peer: ${LIE}\r\n\r\n`],
  ['a line without a name', `${GET}: ${LIE}\r\n\r\n`],
  ['a line without a colon', `${GET}Sockcred-Peer\r\n\r\n`],
  ['two hosts', `${GET}Host: y\r\n\r\n`],
  ...['a b', 'a,b', 'a@b', 'a/b', 'a:b', '[a', 'a\x80', '%zz'].map(
    host => [`the host ${host}`, `GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`] as const,
  ),
  ['no host', 'GET / HTTP/1.1\r\n\r\n'],
  ['a length and a coding', `${POST}Content-Length: 4\r\n${CHUNKED}\r\n`],
  ['a coding and a length', `${POST}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n`],
  ['two lengths', `${POST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`],
  ['a list of lengths', `${POST}Content-Length: 3, 3\r\n\r\nabc`],
  ['a signed length', `${POST}Content-Length: +3\r\n\r\nabc`],
  ['a length in hex', `${POST}Content-Length: 0x3\r\n\r\nabc`],
  ['a length beyond numbers', `${POST}Content-Length: 99999999999999999999\r\n\r\nabc`],
  ['another coding', `${POST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`],
  ['two codings', `${POST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`],
  ['chunked twice', `${POST}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`],
  ['chunked, then not', `${POST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n`],
  ['a coding after a control character', `${POST}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`],
  ['a coding in HTTP/1.0', `POST / HTTP/1.0\r\nHost: x\r\n${CHUNKED}\r\n`],
  ['a tunnel', 'CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a fragment', 'GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a space', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target that is no path', 'GET a HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target of another scheme', 'GET ftp://x/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with two hosts', 'GET http://a,b/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a target with a user', 'GET http://root@x/ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/0.9', 'GET /\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a PROXY header', `PROXY UNKNOWN\r\n${GET}\r\n`],
  ['a head that is too long', `${GET}X: ${'a'.repeat(20_000)}\r\n\r\n`],
  [
    'an upgrade with a body',
    `${POST}Connection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc`,
  ],
  ['an expectation that is not known', `${POST}Expect: 200-maybe\r\nContent-Length: 3\r\n\r\nabc`],
];

/** Requests that go on, with what has to be in what goes on. */
export const CLEANED: readonly (readonly [what: string, bytes: string, wanted: RegExp])[] = [
  ...LINES.map(line => [line, `${GET}${line}\r\n`, /^GET \/a HTTP\/1\.1\r\nHost: x\r\n/] as const),
  ['all at once', `${GET}${LINES.join('')}Cookie: c\r\n\r\n`, /\r\nCookie: c\r\n/],
  ['a nomination', `${GET}Connection: sockcred-peer, Sockcred_Peer\r\n\r\n`, /^GET \/a HTTP/],
  [
    'a nomination of framing',
    `${POST}Connection: content-length, host\r\nContent-Length: 3\r\n\r\nabc`,
    /abc$/,
  ],
  [
    'a target that is a URL',
    'GET http://y:1/b?c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    /^GET \/b\?c HTTP\/1\.1\r\nHost: y:1\r\n/,
  ],
  [
    'a URL without a path',
    'GET http://y?c HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    /^GET \/\?c HTTP\/1\.1\r\nHost: y\r\n/,
  ],
  ['a target for all', 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', /^OPTIONS \* HTTP/],
  [
    'a lookalike of a coding',
    `${POST}Transfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc`,
    /\r\n\r\nabc$/,
  ],
  [
    'trailers',
    `${POST}Trailer: X-T, Sockcred-Peer\r\n${CHUNKED}X-T: 1\r\n${LINES.join('')}\r\n`,
    /X-T: 1\r\n\r\n$/,
  ],
  [
    'trailers that are none',
    `${POST}${CHUNKED}Host: y\r\nConnection: sockcred-peer\r\nTE: x\r\n\r\n`,
    /\r\n0\r\n\r\n$/,
  ],
  [
    'a chunk extension',
    `${POST}Transfer-Encoding: chunked\r\n\r\n3;a="b"\r\nabc\r\n0\r\n\r\n`,
    /\r\n3\r\nabc\r\n0\r\n/,
  ],
  [
    'an upgrade',
    `${GET}Connection: Upgrade\r\nUpgrade: WebSocket\r\n${LINES.join('')}\r\n`,
    /Upgrade: websocket\r\n/,
  ],
  [
    'an upgrade to HTTP/2',
    `${GET}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\nPRI * HTTP/2.0\r\n\r\n`,
    /^(?![\s\S]*(h2c|HTTP2|PRI))GET \/a/i,
  ],
  ['an upgrade to two', `${GET}Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n\r\n`, /^(?![\s\S]*h2c)GET/],
  ['HTTP/1.0', `GET /a HTTP/1.0\r\nSockcred-Peer: ${LIE}\r\n\r\n`, /^GET \/a HTTP\/1\.1\r\n/],
  ['bytes beyond ASCII', `${GET}X: \xe4\x85\r\n\r\n`, /\r\nX: \xe4\x85\r\n/],
];
