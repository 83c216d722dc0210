/** Two peers in JSON form: one of whom everything is known, one of whom nothing is. */

import type { PeerJson } from 'sockcred';

const fact = { known: true, about: 'connector', captured: 'connect' } as const;
const none = { known: false, reason: 'hidden', detail: 'why not' } as const;

export const knownPeer: PeerJson = {
  schemaVersion: 1,
  uid: 1000,
  gid: 100,
  pid: 42,
  groups: [27, 100],
  label: { text: 'unconfined' },
  role: 'connector',
  evidence: {
    uid: { ...fact, source: 'SO_PEERCRED' },
    gid: { ...fact, source: 'SO_PEERCRED' },
    pid: { ...fact, source: 'SO_PEERCRED' },
    groups: { ...fact, source: 'SO_PEERGROUPS' },
    label: { ...fact, source: 'SO_PEERSEC', captured: 'socket' },
    otherIds: none,
    zone: none,
    role: { known: true, source: 'socket names', captured: 'now' },
  },
};

export const unknownPeer: PeerJson = {
  schemaVersion: 1,
  evidence: {
    uid: none,
    gid: none,
    pid: none,
    groups: none,
    label: none,
    otherIds: none,
    zone: none,
    role: none,
  },
};
