/** A peer as text for a person, and what no text may do to the reader's terminal or log. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapeText, formatPeer, recordedPeer } from 'sockcred';
import { knownPeer, unknownPeer } from './support/records.js';

test('every field has a line with its value and its witness', () => {
  assert.equal(
    formatPeer(recordedPeer(knownPeer)),
    [
      'uid     1000        SO_PEERCRED, at connect()',
      'gid     100         SO_PEERCRED, at connect()',
      'pid     42          SO_PEERCRED, at connect()',
      'groups  27 100      SO_PEERGROUPS, at connect()',
      'label   unconfined  SO_PEERSEC, at socket()',
      'role    connector   by the names of both ends',
    ].join('\n'),
  );
});

test('an unknown field says why', () => {
  const lines = formatPeer(recordedPeer(unknownPeer)).split('\n');
  assert.equal(lines.length, 6);
  for (const line of lines) assert.match(line, /^\w+ +unknown {2}hidden: why not$/);
});

test('many groups are counted', () => {
  const groups = Array.from({ length: 100 }, (_, index) => index + 1);
  const text = formatPeer(recordedPeer({ ...knownPeer, groups }));
  assert.match(text, /^groups {2}1 2 3 .* 32 and 68 more {2}SO_PEERGROUPS/m);
});

test('colour is there when asked for, and only then', () => {
  const peer = recordedPeer(knownPeer);
  assert.ok(!formatPeer(peer).includes('\x1b'));
  assert.ok(formatPeer(peer, { color: true }).includes('\x1b[1m1000\x1b[0m'));
});

test('T65: a label can add no line, no colour and no direction', () => {
  const text = 'ok\nuid     0\r\x1b[2J\u202e\u2028\u009b31m\u200b\0x\\';
  const peer = recordedPeer({ ...knownPeer, label: { text: text.replace('\0', '') } });
  const formatted = formatPeer(peer);
  assert.equal(formatted.split('\n').length, 6);
  assert.ok(/^[\x20-\x7e\n]*$/.test(formatted));
  assert.match(formatted, /^label {3}ok\\nuid {5}0\\r\\u\{1b\}\[2J/m);
});

test('T65: a label that is not text is printed as bytes', () => {
  const peer = recordedPeer({ ...knownPeer, label: { base64: 'G1sz/w==' } });
  assert.match(formatPeer(peer), /^label {3}bytes 1b5b33ff/m);
});

test('T65: escapeText() leaves nothing that a terminal or a log would act upon, and stays readable', () => {
  for (let code = 0; code < 0x3000; code++) {
    const escaped = escapeText(String.fromCodePoint(code));
    assert.ok(!/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(escaped), code.toString(16));
  }
  // The embeddings, overrides and isolates of bidirectional text, fillers and selectors that show as nothing.
  for (const hidden of '\u061c\u200e\u200f\u202a\u202e\u2066\u2069\u034f\u115f\u17b4\u180b\u3164\ufe0f\uffa0\u{e0001}\u{e0100}') {
    assert.equal(escapeText(hidden), `\\u{${hidden.codePointAt(0)?.toString(16)}}`);
  }
  assert.equal(escapeText('/run/user/1000/größe 日本.sock'), '/run/user/1000/größe 日本.sock');
  assert.equal(escapeText('a\\nb'), 'a\\\\nb', 'an escape cannot be forged');
  assert.equal(escapeText('\ud800'), '\\u{d800}');
});
