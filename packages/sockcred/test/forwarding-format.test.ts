/** The text and the bytes that tell of a peer: what goes in comes out, and there is one form for each thing to say. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { PeerCredentials } from 'sockcred';
import { encodeProxyHeader, forwardedHeaders, isForwardedName } from 'sockcred/forwarding';
import { type MadeUp, madeUpPeer } from 'sockcred/testing';
import { crc32c } from '../dist/forwarding/crc32c.js';
import { peerText, readPeerText } from '../dist/forwarding/peer-text.js';
import { parseProxyHeader, TLV_PEER } from '../dist/forwarding/proxy-header.js';

/** As if the kernel had said of the forwarder when it connected. */
const made = madeUpPeer({ uid: 990 });
const connected = { known: true, about: 'connector', source: 'SO_PEERCRED', captured: 'connect' } as const;
const by: PeerCredentials = { ...made, evidence: { ...made.evidence, uid: connected } };

const id = fc.integer({ min: 0, max: 0xfffffffe });
const role = fc.stringMatching(/^[!#-[\]-~]{1,20}$/);
const roles = fc.uniqueArray(role, { maxLength: 4 });
const peers = fc
  .record(
    {
      uid: id,
      gid: id,
      pid: fc.integer({ min: 1, max: 0x7fffffff }),
      more: fc.array(id, { maxLength: 20 }),
      label: fc
        .string({ unit: 'grapheme', minLength: 1, maxLength: 40 })
        .filter(text => !text.includes('\0')),
    },
    { requiredKeys: [] },
  )
  .map(({ more, ...rest }): MadeUp => {
    return more === undefined || rest.gid === undefined ? rest : { ...rest, groups: [rest.gid, ...more] };
  })
  .map(madeUpPeer);

test('whatever is said of a peer comes out as it went in', () => {
  fc.assert(
    fc.property(peers, roles, (peer, given) => {
      const said = readPeerText(peerText(peer, given), by);
      for (const field of ['uid', 'gid', 'pid', 'groups', 'role'] as const) {
        assert.deepEqual(said.peer[field], peer[field]);
      }
      assert.deepEqual(said.peer.label?.bytes, peer.label?.bytes);
      assert.deepEqual(said.roles, given);
      assert.ok(Object.isFrozen(said.peer) && Object.isFrozen(said.roles));
    }),
    { numRuns: 500 },
  );
});

test('what came out says that it was forwarded, and when it was true; the rest says why it is not there', () => {
  const { peer } = readPeerText('1;uid=7', by);
  assert.deepEqual(peer.evidence.uid, {
    known: true,
    about: 'connector',
    source: 'forwarded',
    captured: 'connect',
  });
  assert.deepEqual(peer.evidence.role, { known: true, about: 'connector', source: 'forwarded' });
  assert.equal(peer.evidence.groups.known, false);
  assert.ok(!('groups' in peer) && !('gid' in peer));
});

const WRONG = [
  '',
  ' 1',
  '1 ',
  '1;',
  '2;uid=0',
  '01;uid=0',
  '1; uid=0',
  '1;UID=0',
  '1;uid',
  '1;uid=',
  '1;uid=-1',
  '1;uid=+1',
  '1;uid=00',
  '1;uid=0x0',
  '1;uid=1e3',
  '1;uid=1.0',
  '1;uid="0"',
  '1;uid=4294967295',
  '1;uid=4294967296',
  '1;uid=99999999999',
  '1;uid=hidden',
  '1;uid=1;uid=0',
  '1;uid=1, 1;uid=0',
  '1;uid=1,1;uid=0',
  '1;gid=1;uid=0',
  '1;pid=0',
  '1;pid=2147483648',
  '1;gid=1;groups="2"',
  '1;groups="1"',
  '1;gid=1;groups=""',
  '1;gid=1;groups=1',
  '1;gid=1;groups="1 1"',
  '1;gid=1;groups="2 1"',
  '1;gid=1;groups="1  2"',
  '1;gid=1;groups=" 1"',
  '1;gid=1;groups="01"',
  '1;label=:YQ:',
  '1;label=:YR==:',
  '1;label=:YQ==',
  '1;label=::',
  '1;roles=""',
  '1;roles="a a"',
  '1;roles="a\\"b"',
  '1;roles="ä"',
  '1;roles="a  b"',
  '1;uid=1;more=1',
  '1;uid=1\n',
  '1;uid=1\0',
  `1;roles="${'a'.repeat(4096)}"`,
] as const;

test('there is one way to say each thing: any other is refused', () => {
  for (const text of WRONG) assert.throws(() => readPeerText(text, by), Error, JSON.stringify(text));
});

test('a text that was changed anywhere is refused, or says what it says in the one form', () => {
  const change = fc.tuple(fc.nat(), fc.nat({ max: 2 }), fc.string({ unit: 'binary-ascii', maxLength: 3 }));
  fc.assert(
    fc.property(peers, roles, change, (peer, given, [where, cut, put]) => {
      const text = peerText(peer, given);
      const at = where % (text.length + 1);
      const changed = text.slice(0, at) + put + text.slice(at + cut);
      let said: ReturnType<typeof readPeerText>;
      try {
        said = readPeerText(changed, by);
      } catch {
        return;
      }
      assert.equal(peerText(said.peer, said.roles), changed);
    }),
    { numRuns: 2000 },
  );
});

test('T23: groups are complete or not told, also where they are too many to be told', () => {
  const groups = Array.from({ length: 1000 }, (_, index) => 1_000_000_000 + index);
  const peer = madeUpPeer({ uid: 1, gid: groups[0] ?? 0, groups, label: 'a label' });
  const headers = forwardedHeaders(peer, { simple: true });
  assert.deepEqual(
    headers.map(([name]) => name),
    ['Sockcred-Peer', 'Sockcred-Uid', 'Sockcred-Gid'],
  );
  const [[, text = ''] = []] = headers;
  assert.equal(text, `1;uid=1;gid=1000000000;label=:${btoa('a label')}:`);
  assert.equal(readPeerText(text, by).peer.groups, undefined);
});

test('T57: no role can be written that would say more than it is', () => {
  for (const name of ['', 'a b', 'a"b', 'a\\', 'a\r\nSockcred-Uid: 0', 'ä', '\0']) {
    assert.throws(() => forwardedHeaders(madeUpPeer({ uid: 1 }), { roles: [name] }), {
      code: 'ERR_ARGUMENT',
    });
  }
});

test('only a peer that connected can be forwarded', () => {
  for (const role of ['listener', 'creator'] as const) {
    assert.throws(() => forwardedHeaders(madeUpPeer({ uid: 1, role })), { code: 'ERR_ARGUMENT' });
    assert.throws(() => encodeProxyHeader(madeUpPeer({ uid: 1, role })), { code: 'ERR_ARGUMENT' });
  }
});

test('simple headers are there only for what is known', () => {
  assert.deepEqual(forwardedHeaders(madeUpPeer({ uid: 0 }), { simple: true }), [
    ['Sockcred-Peer', '1;uid=0'],
    ['Sockcred-Uid', '0'],
  ]);
  assert.deepEqual(forwardedHeaders(madeUpPeer({}), { simple: true }), [['Sockcred-Peer', '1']]);
  assert.deepEqual(forwardedHeaders(madeUpPeer({ gid: 5, groups: [5, 2], pid: 9 }), { simple: true }), [
    ['Sockcred-Peer', '1;gid=5;pid=9;groups="2 5"'],
    ['Sockcred-Gid', '5'],
    ['Sockcred-Pid', '9'],
    ['Sockcred-Groups', '2 5'],
  ]);
});

test('every spelling that some server takes for ours is ours', () => {
  const ours = ['Sockcred-Peer', 'sockcred_peer', 'SOCKCRED_uid', 'sockcred.peer', 'Sockcred~x', 'sockcred-'];
  for (const name of ours) assert.ok(isForwardedName(name), name);
  for (const name of ['Sockcred', 'X-Sockcred-Peer', 'sock-cred-peer', 'Cookie', ''])
    assert.ok(!isForwardedName(name), name);
});

const HEAD = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10];
const ascii = (text: string) => new TextEncoder().encode(text);

test('the checksum is CRC-32C, by the examples of RFC 3720', () => {
  assert.equal(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.equal(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.equal(crc32c(ascii('123456789')), 0xe3069283);
});

const textIn = (bytes: Uint8Array) =>
  parseProxyHeader(bytes)
    .tlvs.filter(({ type }) => type === TLV_PEER)
    .map(({ value }) => new TextDecoder('latin1').decode(value));

test('a PROXY header carries the same text, and no addresses', () => {
  fc.assert(
    fc.property(peers, roles, (peer, given) => {
      assert.deepEqual(textIn(encodeProxyHeader(peer, { roles: given })), [peerText(peer, given)]);
    }),
  );
  const { source, destination } = parseProxyHeader(encodeProxyHeader(madeUpPeer({})));
  assert.deepEqual([source, destination], [undefined, undefined]);
});

test('names of Unix sockets in a PROXY header are read as they are, abstract ones too', () => {
  const field = (name: string) => [...ascii(name), ...new Uint8Array(108 - name.length)];
  for (const [name, path] of [
    ['/run/a', '/run/a'],
    ['\0abstract', '@abstract'],
    [`/${'a'.repeat(107)}`, `/${'a'.repeat(107)}`],
  ] as const) {
    const bytes = Uint8Array.of(...HEAD, 0x21, 0x31, 0, 216, ...field(''), ...field(name));
    assert.deepEqual(parseProxyHeader(bytes).destination, { family: 'unix', path });
  }
});

test('a PROXY header that is cut or goes on is refused', () => {
  const bytes = encodeProxyHeader(madeUpPeer({ uid: 1, gid: 2, groups: [2, 3] }));
  for (let length = 0; length < bytes.length; length++) {
    assert.throws(() => parseProxyHeader(bytes.subarray(0, length)), SyntaxError);
  }
  assert.throws(() => parseProxyHeader(Uint8Array.of(...bytes, 0)), SyntaxError);
});

test('a PROXY header with one byte changed is refused, or tells of the same peer', () => {
  const bytes = encodeProxyHeader(madeUpPeer({ uid: 1000, gid: 2, groups: [2, 3], label: 'x' }), {
    roles: ['a'],
  });
  const [text] = textIn(bytes);
  let refused = 0;
  for (let at = 0; at < bytes.length; at++) {
    for (const flip of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ flip;
      try {
        // Another type in place of the checksum's, or of the peer's: then there is none to check, or nobody is told of.
        const texts = textIn(changed);
        assert.ok(texts.length === 0 || (texts.length === 1 && texts[0] === text));
      } catch (error) {
        assert.ok(error instanceof SyntaxError);
        refused++;
      }
    }
  }
  assert.ok(refused > bytes.length * 8);
});

test('bytes of any kind are read as a PROXY header or refused, and nothing else', () => {
  const body = fc.uint8Array({ maxLength: 300 });
  const head = fc.constantFrom(0x20, 0x21, 0x22, 0x11, 0xff);
  const family = fc.constantFrom(0, 0x11, 0x12, 0x21, 0x31, 0x32, 0x41, 0x13);
  fc.assert(
    fc.property(head, family, body, fc.boolean(), (command, kind, rest, honest) => {
      const length = honest ? rest.length : rest.length ^ 1;
      const bytes = Uint8Array.of(...HEAD, command, kind, length >> 8, length & 0xff, ...rest);
      try {
        const header = parseProxyHeader(bytes);
        assert.ok(honest && (command === 0x20 || command === 0x21));
        assert.ok(header.command === 'PROXY' || header.tlvs.length === 0);
      } catch (error) {
        assert.ok(error instanceof SyntaxError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

/** A header of these entries, in the family that has no addresses. */
function withEntries(...entries: readonly (readonly [type: number, value: Uint8Array])[]): Uint8Array {
  const rest = entries.flatMap(([type, value]) => [type, value.length >> 8, value.length & 0xff, ...value]);
  return Uint8Array.of(...HEAD, 0x21, 0, rest.length >> 8, rest.length & 0xff, ...rest);
}

test('entries that are not known are passed over; the checksum has one place and four bytes', () => {
  const known = [TLV_PEER, ascii('1;uid=5')] as const;
  assert.deepEqual(textIn(withEntries([0xe0, new Uint8Array(9)], [4, new Uint8Array()], known)), ['1;uid=5']);
  assert.throws(() => parseProxyHeader(withEntries([3, new Uint8Array(4)])), SyntaxError);
  assert.throws(() => parseProxyHeader(withEntries([3, new Uint8Array(3)])), SyntaxError);
  assert.throws(
    () => parseProxyHeader(withEntries([3, new Uint8Array(4)], [3, new Uint8Array(4)])),
    SyntaxError,
  );
});
