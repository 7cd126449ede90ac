import type { MachineLimit } from './os/machine-limits.ts';

/** What there may be too little of, in words. */
const resources = {
  descriptors: 'file descriptors of this process',
  tasks: 'processes and threads',
} as const;

/** Workers that do not fit on this machine, and the limit that says so. */
export interface ResourceLimitDetails {
  /** What there is too little of: file descriptors of this process, or processes and threads. */
  readonly what: keyof typeof resources;
  /** Name of the limit. */
  readonly limit: MachineLimit['name'];
  /** What the limit allows. */
  readonly allowed: number;
  /** How much of it is in use. */
  readonly used: number;
  /** How much each worker needs. */
  readonly perWorker: number;
  /** How much is kept for the runtime itself. */
  readonly reserved: number;
  /** How many workers are wanted. */
  readonly wanted: number;
  /** How many fit. */
  readonly fits: number;
  /** What the limit would have to allow. */
  readonly needed: number;
}

/** Says which limit it is, and how many workers fit. */
export function describeShortage(details: ResourceLimitDetails): string {
  const { what, limit, allowed, used, perWorker, reserved, wanted, fits } = details;
  const fit = fits === 0 ? 'not even one does' : `${fits} do`;
  return `${wanted} workers do not fit here, ${fit}: each needs ${perWorker} ${resources[what]}, and of ${allowed} (${limit}) ${used} are in use and ${reserved} are kept for the runtime.`;
}

/** Says who can allow more, and how. */
export function shortageRemedy({ limit, needed }: ResourceLimitDetails): string {
  const enough = 2 ** Math.ceil(Math.log2(needed));
  return `allow more ${howToAllow(limit, enough)}, or have fewer workers (pools[].size).`;
}

function howToAllow(limit: MachineLimit['name'], enough: number): string {
  switch (limit) {
    case 'RLIMIT_NOFILE':
      return `before Node starts (\`ulimit -n ${enough}\`, of a systemd unit LimitNOFILE=${enough}, of a container --ulimit nofile=${enough})`;
    case 'RLIMIT_NPROC':
      return `before Node starts (\`ulimit -u ${enough}\`, of a systemd unit LimitNPROC=${enough})`;
    case 'pids.max':
      return `(of a container --pids-limit=${enough}, of a systemd unit TasksMax=${enough})`;
    case 'kernel.pid_max':
      return `(\`sysctl kernel.pid_max=${enough}\`)`;
    case 'threads-max':
      return `(\`sysctl kernel.threads-max=${enough}\`)`;
  }
}
