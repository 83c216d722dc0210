/**
 * `/proc/PID/cgroup` of a process in a container, as the kernel listed it for
 * each engine. `captured`: of the real engine, in the version that is named,
 * on Debian 12, with one id for all of them. `documented`: as the engine's own sources or documentation
 * have it, where it could not be started.
 */

export interface Capture {
  readonly of: string;
  readonly how: 'captured' | 'documented';
  readonly text: string;
  /** Runtime and id of each container, the innermost first. */
  readonly containers: readonly (readonly [string, string])[];
  readonly podId?: string;
}

const ID = '3d4276bd4033709900bdd5b944aef8b384eb0a251b77b4f28f5163854f5760ea';
const OUTER = '09ab'.repeat(16);
const POD = '1a2b3c4d-0000-1111-2222-333344445555';
const POD_SLICE = `kubepods-burstable-pod${POD.replaceAll('-', '_')}.slice`;

/** All hierarchies of a hybrid, each with the same path unless the unified one is told apart. */
function hybrid(path: string, unifiedPath: string = path): string {
  const old = ['name=systemd', 'pids', 'blkio', 'freezer', 'devices', 'memory', 'cpuset', 'cpuacct', 'cpu'];
  return [...old.map((name, index) => `${9 - index}:${name}:${path}`), `0::${unifiedPath}`, ''].join('\n');
}

const unified = (path: string) => `0::${path}\n`;

export const CAPTURES: readonly Capture[] = [
  {
    of: 'Docker 20.10.24, cgroupfs, hybrid',
    how: 'captured',
    text: hybrid(`/docker/${ID}`),
    containers: [['docker', ID]],
  },
  {
    of: 'Docker 20.10.24, systemd',
    how: 'captured',
    text: `1:name=systemd:/\n${unified(`/system.slice/docker-${ID}.scope`)}`,
    containers: [['docker', ID]],
  },
  {
    of: 'Podman 4.3.1 of root, runc 1.1.5, cgroupfs, hybrid',
    how: 'captured',
    text: hybrid(`/libpod_parent/libpod-${ID}`),
    containers: [['podman', ID]],
  },
  {
    of: 'Podman 4.3.1 of root, runc 1.1.5, systemd',
    how: 'captured',
    text: unified(`/machine.slice/libpod-${ID}.scope`),
    containers: [['podman', ID]],
  },
  {
    of: 'Podman 4.3.1 of root, crun 1.8.1, systemd',
    how: 'captured',
    text: unified(`/machine.slice/libpod-${ID}.scope/container`),
    containers: [['podman', ID]],
  },
  {
    of: 'Podman 4.3.1 of a user, crun 1.8.1, systemd',
    how: 'captured',
    text: `1:name=systemd:/\n${unified(`/user.slice/user-1.slice/user@1.service/user.slice/libpod-${ID}.scope/container`)}`,
    containers: [['podman', ID]],
  },
  {
    of: 'Podman 4.3.1 of a user, runc 1.1.5, systemd',
    how: 'captured',
    text: unified(`/user.slice/user-1.slice/user@1.service/user.slice/libpod-${ID}.scope`),
    containers: [['podman', ID]],
  },
  {
    of: 'Podman 4.3.1 in Podman 4.3.1, where the unified hierarchy is mounted in the outer one, hybrid',
    how: 'captured',
    text: hybrid(`/libpod_parent/libpod-${OUTER}/libpod_parent/libpod-${ID}`),
    containers: [
      ['podman', ID],
      ['podman', OUTER],
    ],
  },
  {
    of: 'Podman 4.3.1 in Podman 4.3.1, as it mounts hierarchies in the outer one, hybrid',
    how: 'captured',
    text: hybrid(
      `/libpod_parent/libpod-${OUTER}/libpod_parent/libpod-${ID}`,
      `/libpod_parent/libpod-${OUTER}`,
    ),
    containers: [
      ['podman', ID],
      ['podman', OUTER],
    ],
  },
  {
    of: 'Podman 4.3.1 in Podman 4.3.1 with --cgroupns host, where the unified hierarchy is mounted, hybrid',
    how: 'captured',
    text: hybrid(`/libpod_parent/libpod-${OUTER}/libpod_parent/libpod-${ID}`, `/libpod_parent/libpod-${ID}`),
    containers: [
      ['podman', ID],
      ['podman', OUTER],
    ],
  },
  {
    of: 'LXC 5.0.2, hybrid',
    how: 'captured',
    text: hybrid('/lxc.payload.l1'),
    containers: [['lxc', 'l1']],
  },
  {
    of: 'LXC 5.0.2, unified',
    how: 'captured',
    text: `1:name=systemd:/\n${unified('/lxc.payload.l1')}`,
    containers: [['lxc', 'l1']],
  },
  {
    of: 'systemd-nspawn 252, registered',
    how: 'captured',
    text: '1:name=systemd:/machine.slice/machine-nsp2.scope/payload\n0::/machine.slice/machine-nsp2.scope/payload\n',
    containers: [['machined', 'nsp2']],
  },
  {
    of: 'runc 1.1.5, told by containerd’s CRI, cgroupfs, hybrid',
    how: 'captured',
    text: hybrid(`/kubepods/burstable/pod${POD}/${ID}`),
    containers: [['kubernetes', ID]],
    podId: POD,
  },
  {
    of: 'runc 1.1.5, told by containerd’s CRI, systemd',
    how: 'captured',
    text: unified(`/kubepods.slice/kubepods-burstable.slice/${POD_SLICE}/cri-containerd-${ID}.scope`),
    containers: [['containerd', ID]],
    podId: POD,
  },
  {
    of: 'crun 1.8.1, told by containerd’s CRI, systemd',
    how: 'captured',
    text: unified(
      `/kubepods.slice/kubepods-burstable.slice/${POD_SLICE}/cri-containerd-${ID}.scope/container`,
    ),
    containers: [['containerd', ID]],
    podId: POD,
  },
  {
    of: 'CRI-O, systemd',
    how: 'documented',
    text: unified(`/kubepods.slice/kubepods-burstable.slice/${POD_SLICE}/crio-${ID}.scope`),
    containers: [['cri-o', ID]],
    podId: POD,
  },
  {
    of: 'CRI-O’s monitor, systemd',
    how: 'documented',
    text: unified(`/kubepods.slice/kubepods-burstable.slice/${POD_SLICE}/crio-conmon-${ID}.scope`),
    containers: [],
  },
  {
    of: 'nerdctl, systemd',
    how: 'documented',
    text: unified(`/system.slice/nerdctl-${ID}.scope`),
    containers: [['nerdctl', ID]],
  },
  {
    of: 'kind, a node of Docker with pods in it',
    how: 'documented',
    text: unified(`/docker/${OUTER}/kubelet/kubepods/burstable/pod${POD}/${ID}`),
    containers: [
      ['kubernetes', ID],
      ['docker', OUTER],
    ],
    podId: POD,
  },
];

/** A process in a step of a job of Slurm, as its cgroup plugins are documented: job and step. */
export const SLURM_CAPTURES: readonly {
  readonly of: string;
  readonly text: string;
  readonly step: string;
}[] = [
  {
    of: 'cgroup/v2, a task',
    text: unified('/system.slice/slurmstepd.scope/job_1337/step_0/user/task_0'),
    step: '1337.0',
  },
  {
    of: 'cgroup/v2, several daemons on one machine',
    text: unified('/system.slice/node-1_slurmstepd.scope/job_1337/step_batch/user/task_0'),
    step: '1337.batch',
  },
  {
    of: 'cgroup/v2, the daemon of a step',
    text: unified('/system.slice/slurmstepd.scope/job_1337/step_extern/slurm'),
    step: '1337.extern',
  },
  {
    of: 'cgroup/v1',
    text: hybrid('/slurm/uid_1000/job_1337/step_interactive/task_0', '/'),
    step: '1337.interactive',
  },
];
