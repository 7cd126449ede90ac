import {
  exitReason,
  sys,
  type ActorSystem,
  type Pid,
  type ProcessAction,
  type ProcessInfo,
} from '@snakepit/core';
import type { OfferedAction } from '../protocol.ts';
import type { ObservedSystem } from '../server/observed-system.ts';

/** What may be done to a process, with what it needs. */
export interface Action extends OfferedAction {
  /** Does it; resolves with what came of it, as a sentence. */
  readonly run: (args: Readonly<Record<string, unknown>>) => Promise<string>;
}

/** Actions of sources that lose work: a person confirms them. */
const confirmed = new Set(['kill', 'restart', 'stop', 'recycle', 'drain']);

/** What may be done to a process: what its sources offer, and of what any process can do the rest. */
export function actionsOf(system: ActorSystem, process: ProcessInfo): readonly Action[] {
  const actions = new Map<string, Action>();
  for (const action of ownActions(system, process)) actions.set(action.name, action);
  // Who knows a process better offers the better way to do the same.
  for (const action of sourceActions(system, process)) {
    actions.set(action.name, {
      name: action.name,
      consequence: action.consequence,
      confirm: confirmed.has(action.name),
      // One that throws at once fails as any other.
      run: async () => action.run(),
    });
  }
  return [...actions.values()];
}

/** The same, for those who may choose. */
export function offeredActions(
  { system }: Pick<ObservedSystem, 'system'>,
  process: ProcessInfo,
): readonly OfferedAction[] {
  return actionsOf(system, process).map(({ name, consequence, confirm }) => {
    return { name, consequence, confirm };
  });
}

function sourceActions(system: ActorSystem, process: ProcessInfo): readonly ProcessAction[] {
  return system.observation.sources.flatMap(({ name, actions }) => {
    try {
      return actions?.(process) ?? [];
    } catch (error) {
      system.logger.warn(`the observation source ${name} failed`, { error });
      return [];
    }
  });
}

function ownActions(system: ActorSystem, process: ProcessInfo): readonly Action[] {
  const { pid, status } = process;
  const hold: Action =
    status === 'suspended'
      ? {
          name: 'resume',
          consequence: 'It goes on with what waits in its mailbox.',
          confirm: false,
          run: async () => {
            await sys.resume(system, pid);
            return 'it goes on.';
          },
        }
      : {
          name: 'suspend',
          consequence: 'It handles nothing until it is resumed; calls to it may time out.',
          confirm: false,
          run: async () => {
            await sys.suspend(system, pid);
            return 'it is suspended.';
          },
        };
  return [hold, killOf(system, pid), ...restartOf(system, pid)];
}

function killOf(system: ActorSystem, pid: Pid): Action {
  return {
    name: 'kill',
    consequence: 'It ends at once, without cleaning up; its supervisor, if it has one, decides.',
    confirm: true,
    run: async ({ reason }) => {
      const gone = system.awaitExit(pid);
      const isPlain = typeof reason !== 'string' || reason === '' || reason === 'kill';
      system.exit(pid, isPlain ? exitReason.kill : exitReason.custom(reason));
      return within(gone, 'it is gone.', 'it was told to end, and has not yet.');
    },
  };
}

/** Its supervisor starts it again when it ends: always, or when that was abnormal. */
function restartOf(system: ActorSystem, pid: Pid): readonly Action[] {
  const restart = system.records.describeProcess(pid)?.child?.restart;
  if (restart !== 'permanent' && restart !== 'transient') return [];
  const reason =
    restart === 'permanent' ? exitReason.shutdown : exitReason.custom('restart by an operator');
  return [
    {
      name: 'restart',
      consequence: 'It ends, and its supervisor starts it again; that counts as a restart.',
      confirm: true,
      run: async () => {
        const gone = system.awaitExit(pid);
        system.exit(pid, reason);
        return within(
          gone,
          'it ended, and is started again.',
          'it was told to end, and has not yet.',
        );
      },
    },
  ];
}

/** How long an end is waited for, in milliseconds. */
const patienceMs = 5_000;

async function within(done: Promise<unknown>, then: string, otherwise: string): Promise<string> {
  let limit: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    limit = setTimeout(() => {
      resolve(otherwise);
    }, patienceMs);
  });
  try {
    return await Promise.race([done.then(() => then), late]);
  } finally {
    clearTimeout(limit);
  }
}
