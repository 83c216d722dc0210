/**
 * sockcred/application: which program that is, with who says so, how surely it
 * is about the peer, and what contains it.
 */

export type { CgroupSegment, PeerCgroup } from './cgroup.ts';
export type {
  Authority,
  Claim,
  ContainerRuntime,
  Containment,
  Engine,
  InstanceCheck,
} from './claim.ts';
export {
  type ApplicationOptions,
  ENGINES,
  type PeerApplication,
  peerApplication,
  peerCgroup,
} from './peer-application.ts';
export { type SecurityContext, securityContext } from './security-context.ts';
export type { ToldLabel } from './told-label.ts';
