/** Which service takes connections from the gate. */

import { resolve } from 'node:path';
import { PeerError } from 'sockcred';
import type { Gate, Limits } from 'sockcred/gate';
import { canRelay } from 'sockcred/relay';
import { SystemRefusal } from '../exit-codes.ts';
import { httpService } from './http/http-service.ts';
import type { GuardOptions } from './options/guard-options.ts';
import type { Journal } from './records/journal.ts';
import { PassService } from './services/pass-service.ts';
import { PipeService } from './services/pipe-service.ts';
import { ProgramService } from './services/program-service.ts';
import { RelayService } from './services/relay-service.ts';
import type { Service } from './services/service.ts';
import { upstreamCheck, type Verify } from './services/upstream-owner.ts';

function serviceFor(
  { target, deputy, listen, idleMs }: GuardOptions,
  verify: Verify | undefined,
  limits: () => Limits,
  journal: Journal,
): Service {
  const asPeer = deputy === 'peer';
  switch (target.kind) {
    case 'http':
      return httpService({ ...target, asPeer, verify, idleMs }, journal);
    case 'pass': {
      const counts = () => {
        const { connections, connectionsPerUid } = limits();
        return connections !== undefined || connectionsPerUid !== undefined;
      };
      return new PassService(target.path, journal, counts, verify);
    }
    case 'program': {
      const localPath = listen === undefined || listen.startsWith('@') ? undefined : resolve(listen);
      return new ProgramService({ ...target, localPath }, journal);
    }
    default:
      return new RelayService({ ...target, asPeer, verify, idleMs }, journal);
  }
}

function isUnsupported(error: unknown): boolean {
  return error instanceof PeerError && error.code === 'ERR_PEER_UNSUPPORTED';
}

/**
 * Says who takes connections from the gate: streams where there is no relay, or no bare descriptor to relay. `limits` are
 * those in force whenever it is called.
 */
export function serve(gate: Gate, options: GuardOptions, limits: () => Limits, journal: Journal): Service {
  const { target, deputy, upstreamUser, idleMs } = options;
  const verify = upstreamUser === undefined ? undefined : upstreamCheck(upstreamUser);
  const service = serviceFor(options, verify, limits, journal);
  try {
    if (target.kind !== 'relay' || canRelay()) {
      service.takeFrom(gate);
      return service;
    }
  } catch (error) {
    if (!isUnsupported(error) || target.kind !== 'relay') throw error;
  }
  if (target.passFds)
    throw new SystemRefusal('--pass-fds: there is no relay here that passes them (ENOTSUP)');
  const pipes = new PipeService({ ...target, asPeer: deputy === 'peer', verify, idleMs }, journal);
  pipes.takeFrom(gate);
  return pipes;
}
