import {
  eventMetric,
  polledMetric,
  type ActorSystem,
  type MetricDefinition,
  type Pid,
  type ProcessInfo,
} from '@snakepit/core';
import './incident.ts';
import type { RestartContext } from './restart-decisions.ts';
import { countAt, type RestartWindow } from './restart-window.ts';

const who = {
  supervisor:
    'Registered name of the supervisor, of those in a registry the name of that; `unnamed` for all that have none.',
} as const;

/** What every system with supervisors can tell of them. */
export const supervisorMetrics: readonly MetricDefinition[] = [
  eventMetric({
    kind: 'counter',
    name: 'snakepit.supervisor.restarts',
    description: 'Children that were started again after their end.',
    unit: '{restart}',
    labels: who,
    initial: namedIn,
    event: 'snakepit.supervisor.child.restarted',
    value: ({ count }) => count,
    attributes: ({ supervisor }, _, system) => ({ supervisor: nameOf(system, supervisor) }),
  }),
  eventMetric({
    kind: 'counter',
    name: 'snakepit.supervisor.reports',
    description: 'Supervisor reports: ends, starts and stops that were not as they should be.',
    unit: '{report}',
    labels: {
      ...who,
      context:
        'What it is about: `childTerminated`, `startError`, `shutdownError`; `shutdown`: the supervisor gives up; `childGivenUp`: it gives up one child.',
    },
    event: 'snakepit.supervisor.report',
    value: ({ count }) => count,
    attributes: ({ name, context }) => ({ supervisor: shorten(name), context }),
  }),
  eventMetric({
    kind: 'counter',
    name: 'snakepit.supervisor.given_up',
    description: 'Supervisors that ended because their children were restarted too often.',
    unit: '{supervisor}',
    labels: who,
    initial: namedIn,
    event: 'snakepit.supervisor.report',
    value: ({ count }, { context, reason }) =>
      context === 'shutdown' && reason === 'reachedMaxRestartIntensity' ? count : undefined,
    attributes: ({ name }) => ({ supervisor: shorten(name) }),
  }),
  eventMetric({
    kind: 'counter',
    name: 'snakepit.supervisor.children_given_up',
    description:
      'Children that are not restarted any more because their own restart budget is spent.',
    unit: '{child}',
    labels: who,
    initial: namedIn,
    event: 'snakepit.supervisor.child.failed',
    value: ({ count }) => count,
    attributes: ({ supervisor }, _, system) => ({ supervisor: nameOf(system, supervisor) }),
  }),
  polledMetric({
    kind: 'gauge',
    name: 'snakepit.supervisor.window.restarts',
    description:
      'Restarts that count toward giving up now; one more than allowed ends the supervisor. Of several with the same name: the fullest.',
    unit: '{restart}',
    labels: who,
    read: (observe, system) => {
      for (const [supervisor, { used }] of fullestWindows(system)) observe(used, { supervisor });
    },
  }),
  polledMetric({
    kind: 'gauge',
    name: 'snakepit.supervisor.window.allowed',
    description:
      'Restarts that are allowed within the period (`maxRestarts`), of the same supervisor.',
    unit: '{restart}',
    labels: who,
    read: (observe, system) => {
      for (const [supervisor, { window }] of fullestWindows(system)) {
        observe(window.intensity, { supervisor });
      }
    },
  }),
  polledMetric({
    kind: 'gauge',
    name: 'snakepit.supervisors',
    description: 'Supervisors, by where their restart windows stand.',
    unit: '{supervisor}',
    labels: { window: '`below`: there is room; `full`: the next restart ends it.' },
    read: (observe, system) => {
      const counts = { below: 0, full: 0 };
      for (const { used, window } of windowsOf(system)) {
        counts[used < window.intensity ? 'below' : 'full'] += 1;
      }
      for (const [standing, count] of Object.entries(counts)) observe(count, { window: standing });
    },
  }),
];

interface SeenWindow {
  readonly process: ProcessInfo;
  readonly window: RestartWindow;
  /** Restarts in it that still count. */
  readonly used: number;
}

function* windowsOf(system: ActorSystem): Generator<SeenWindow> {
  const atSecond = Math.floor(system.clock.now() / 1_000);
  for (const process of system.processes()) {
    if (process.label !== 'supervisor' && process.label !== 'dynamicSupervisor') continue;
    // What it is by its label: the snapshot of a supervisor's chart, or nothing before its first turn.
    const { context } = (process.state ?? {}) as { readonly context?: Partial<RestartContext> };
    const window = context?.window;
    if (window === undefined) continue;
    yield { process, window, used: countAt(window, atSecond) };
  }
}

function fullestWindows(system: ActorSystem): ReadonlyMap<string, SeenWindow> {
  const fullest = new Map<string, SeenWindow>();
  for (const seen of windowsOf(system)) {
    const name = shorten(seen.process.name);
    const known = fullest.get(name);
    if (known === undefined || roomIn(seen) < roomIn(known)) fullest.set(name, seen);
  }
  return fullest;
}

function* namedIn(system: ActorSystem): Generator<{ readonly supervisor: string }> {
  for (const supervisor of fullestWindows(system).keys()) yield { supervisor };
}

function roomIn({ window, used }: SeenWindow): number {
  return window.intensity - used;
}

function nameOf(system: ActorSystem, supervisor: Pid): string {
  return shorten(system.processInfo(supervisor)?.name);
}

/** Keys of a registry may be without end: `rooms["lobby"]` is `rooms`. */
function shorten(name: string | undefined): string {
  return name?.replace(/\[.*$/su, '') ?? 'unnamed';
}
