/**
 * What a claim about an application is worth: how surely it is about the peer
 * (binding), whose word it is (authority), and what keeps the peer inside
 * (containment). The three are independent, and never made into one yes or no.
 *
 * A claim may always lower trust. It may raise it only where its authority is
 * the kernel or root: anybody else could have made it about themselves.
 */

import type { Binding } from '../process/graded.ts';

/** Whose word a claim is. */
export interface Authority {
  /**
   * `kernel`: it made the fact itself. `root`: only the superuser of this
   * machine could have written it. `user`: a user could have, or any of that
   * user's processes; with uid 0 root of a container, or a service of root's that
   * its manager gave the naming to. `self`: the process could have at will.
   */
  readonly of: 'kernel' | 'root' | 'user' | 'self';
  /** Of a user: which one; absent where several could have. */
  readonly uid?: number;
}

/** Something that the kernel keeps the process inside of, at this moment: its word, whosever the claim is. */
export type Containment =
  | 'seccomp'
  | 'no-new-privileges'
  /** One below ours. Those of other kinds have no order: a `description` of the process tells which are others. */
  | 'user namespace'
  | 'pid namespace'
  | 'security module';

/** Who claims the process as one of theirs. */
export type Engine = 'flatpak' | 'snap' | 'container' | 'slurm' | 'systemd';

/** What runs containers, by the names that it gives to cgroups. */
export type ContainerRuntime =
  | 'docker'
  | 'containerd'
  | 'cri-o'
  | 'podman'
  | 'nerdctl'
  | 'lxc'
  | 'systemd-nspawn'
  | 'libvirt'
  | 'machined'
  | 'kubernetes';

/** How a sandbox's own record of its namespaces compares with those of the process. */
export type InstanceCheck =
  /** The same. */
  | 'confirmed'
  /** Others: a helper of the sandbox, such as the proxy between it and a bus, or a process that is none of it. */
  | 'other-namespaces'
  /** No such record could be read. */
  | 'unconfirmed';

/** One claim about what the process is part of. */
export interface Claim {
  readonly engine: Engine;
  /** Of a container. */
  readonly runtime?: ContainerRuntime;
  /** The name of the application: `org.example.App`, or a snap's `name.app`. */
  readonly applicationId?: string;
  /** Which running instance: of a sandbox, a container, a pod; of Slurm `JOB.STEP`. */
  readonly instanceId?: string;
  /** Of a container in Kubernetes. */
  readonly podId?: string;
  /** Of systemd: the unit of the system manager. */
  readonly unit?: string;
  /** Of systemd: the unit of a user's manager. */
  readonly userUnit?: string;
  /** Of systemd: of which instance of a template (`NAME@INSTANCE.service`) the innermost unit is, unescaped. */
  readonly unitInstance?: string;
  /** Of systemd: the innermost slice. */
  readonly slice?: string;
  /** Of systemd: the login session. */
  readonly session?: string;
  /** Of systemd: the user whose slice it is. */
  readonly slicedUid?: number;
  /** Of Flatpak. */
  readonly instance?: InstanceCheck;
  readonly binding: Binding;
  readonly authority: Authority;
  /** What is known to hold. What cannot be seen from here is not in the list. */
  readonly containment: readonly Containment[];
  readonly evidence: 'SO_PEERSEC' | '.flatpak-info' | 'cgroup';
  /** A label is of the peer's socket(2), everything else of now. */
  readonly captured: 'socket' | 'now';
}

export const ROOT: Authority = Object.freeze({ of: 'root' });
export const SELF: Authority = Object.freeze({ of: 'self' });

/** A user's word; of nobody in particular where the uid is not known. */
export function wordOf(uid: number | undefined): Authority {
  return Object.freeze(uid === undefined ? { of: 'user' } : { of: 'user', uid });
}
