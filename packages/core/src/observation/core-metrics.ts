import type { ActorSystem } from '../system.ts';
import type { ProcessInfo } from '../process/process-info.ts';
import { eventMetric, polledMetric, type MetricDefinition } from './metric-definition.ts';

const behaviour = {
  behaviour: 'Which way the process runs: `genServer`, `statechart`, `task`, `actor`.',
} as const;

/** What every system can tell of its processes. */
export const coreMetrics: readonly MetricDefinition[] = [
  polledMetric({
    kind: 'gauge',
    name: 'snakepit.processes',
    description: 'Living processes of the actor system.',
    unit: '{process}',
    labels: behaviour,
    read: (observe, system) => {
      sumByBehaviour(system, () => 1, observe);
    },
  }),
  eventMetric({
    kind: 'counter',
    name: 'snakepit.process.spawned',
    description: 'Processes that were spawned.',
    unit: '{process}',
    labels: behaviour,
    event: 'snakepit.process.spawned',
    value: ({ count }) => count,
    attributes: (process) => ({ behaviour: process.behaviour }),
  }),
  eventMetric({
    kind: 'counter',
    name: 'snakepit.process.exits',
    description: 'Processes that ended, by the kind of their exit reason.',
    unit: '{process}',
    labels: {
      ...behaviour,
      reason: 'Kind of the exit reason: `normal`, `shutdown`, `killed`, `error` …',
    },
    event: 'snakepit.process.exited',
    value: ({ count }) => count,
    attributes: (process) => ({ behaviour: process.behaviour, reason: process.reason.kind }),
  }),
  eventMetric({
    kind: 'histogram',
    name: 'snakepit.process.long_turn.duration',
    description: 'Turns longer than `longTurnMs`, in which nobody else in the system was served.',
    unit: 's',
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    labels: {
      behaviour: `${behaviour.behaviour} \`several\` when it cannot be told whose it was.`,
    },
    event: 'snakepit.process.long_turn',
    value: ({ durationMs }) => durationMs / 1_000,
    attributes: (process) => ({ behaviour: process.behaviour ?? 'several' }),
  }),
  polledMetric({
    kind: 'gauge',
    name: 'snakepit.process.mailbox.messages',
    description: 'Messages that wait in mailboxes.',
    unit: '{message}',
    labels: behaviour,
    read: (observe, system) => {
      sumByBehaviour(system, ({ mailboxLength }) => mailboxLength, observe);
    },
  }),
  polledMetric({
    kind: 'gauge',
    name: 'snakepit.process.mailbox.longest',
    description: 'Messages in the longest mailbox.',
    unit: '{message}',
    labels: {},
    read: (observe, system) => {
      let longest = 0;
      for (const { mailboxLength } of system.processes()) {
        longest = Math.max(longest, mailboxLength);
      }
      observe(longest, {});
    },
  }),
];

function sumByBehaviour(
  system: ActorSystem,
  valueOf: (process: ProcessInfo) => number,
  observe: (value: number, attributes: { readonly behaviour: string }) => void,
): void {
  const sums = new Map<string, number>();
  for (const process of system.processes()) {
    sums.set(process.behaviour, (sums.get(process.behaviour) ?? 0) + valueOf(process));
  }
  for (const [name, sum] of sums) observe(sum, { behaviour: name });
}
