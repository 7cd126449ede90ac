import { randomBytes } from 'node:crypto';
import { spawnOrThrow } from '../local/spawn-worker.ts';
import type { WorkerSpec } from '../worker-host.ts';
import { forkServerId, type ForkServerInput } from './fork-port.ts';

/** Room for a worker's label among the variables that the kernel shows of it, in characters. */
const ROOM = 512;

/** How the variables begin that a server takes out of its own environment when it has read them. */
const TAKEN = 'SNAKEPIT_';

/**
 * What a fork server is started with: a worker of another make, in the surroundings of those that it is to fork.
 *
 * @param onEnvironment - Told of its whole environment in the turn of its spawn.
 */
export function serverSpec(
  { spec, preload, isAuto }: ForkServerInput,
  incarnation: string,
  onEnvironment: (env: Readonly<Record<string, string>>) => void,
): WorkerSpec {
  const workers = spec();
  const { executable, args = [] } = workers.python;
  return {
    ...workers,
    workerId: forkServerId,
    incarnation,
    token: randomBytes(32).toString('hex'),
    // It makes no calls and takes none.
    bridge: null,
    env: { ...workers.env, SNAKEPIT_FORK_ROOM: 'x'.repeat(ROOM) },
    command: [
      ...([executable, ...args, '-u', '-m', 'snakepit_bridge.fork_server'] as const),
      ...preload.flatMap((module) => ['--preload', module]),
      ...['--adapter', workers.adapter],
      ...(isAuto ? ['--auto'] : []),
      // Where no environment can be seen, a command line tells whose process it is, also that of a fork.
      ...['--snakepit-run-id', workers.runId],
    ],
    launcher: {
      launch: (own, env) => {
        onEnvironment(env);
        return spawnOrThrow(own, env);
      },
    },
  };
}

/**
 * How the environment of a worker differs from that of its server; `null` takes a variable away.
 *
 * What servers take out of their own is named in any case.
 */
export function environmentChanges(
  server: Readonly<Record<string, string>>,
  worker: Readonly<Record<string, string>>,
): Readonly<Record<string, string | null>> {
  const changed = Object.entries(worker).filter(
    ([name, value]) => server[name] !== value || name.startsWith(TAKEN),
  );
  const gone = Object.keys(server).filter((name) => worker[name] === undefined);
  return Object.fromEntries([...changed, ...gone.map((name) => [name, null] as const)]);
}
