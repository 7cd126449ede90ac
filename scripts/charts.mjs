// Draws the statecharts into docs/statecharts.md from the machines themselves; --check fails when it is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { anomalyMachine } from '@snakepit/observer';
import {
  circuitBreakerMachine,
  forkServerMachine,
  gracefulShutdownMachine,
  grpcWorkerMachine,
  heartbeatMonitorMachine,
  lifecycleManagerMachine,
  poolMachine,
  watchdogMachine,
} from '@snakepit/python-bridge';
import {
  applicationMachine,
  dynamicSupervisorMachine,
  restartIntensityMachine,
  supervisorMachine,
} from '@snakepit/supervisor';
import { format, resolveConfig } from 'prettier';
import { flowchartOf } from './charts/flowchart.mjs';

const FILE = join(dirname(fileURLToPath(import.meta.url)), '../docs/statecharts.md');

/** @type {(readonly [import('xstate').AnyStateMachine, string])[]} */
const CHARTS = [
  [
    grpcWorkerMachine,
    'One Python worker, from its reservation until the operating system confirms that its process is gone. Calls do not pass through it: it hears only when the number of calls in flight leaves zero and reaches it again. It ends abnormally when it is to be restarted, and its starter does that.',
  ],
  [
    heartbeatMonitorMachine,
    'Asks one worker for signs of life, on two paths: the beat channel, and the server that takes the calls. Time comes as events, from one timer: after a stall of our own event loop both paths get a fresh ping before the worker is judged ([ADR-0004](../adr/0004-what-a-heartbeat-miss-is.md), [ADR-0014](../adr/0014-heartbeats-ask-two-paths.md)).',
  ],
  [
    gracefulShutdownMachine,
    'How a worker is stopped; invoked by the worker. Calls in flight finish, then SIGTERM, then SIGKILL.',
  ],
  [
    poolMachine,
    'One pool: learns of its workers by messages, restarts nobody, knows whether calls can be served. Calls go through its dispatcher.',
  ],
  [
    lifecycleManagerMachine,
    'Recycles the workers of one pool: it looks at ages and memory when it is time, is told of calls that were counted elsewhere, and has a few workers replaced at a time ([docs/resilience.md](resilience.md)).',
  ],
  [
    circuitBreakerMachine,
    'Keeps calls from a pool whose workers keep failing, and tries now and then whether it is well again. Calls do not pass through it: it hears of failures, and of the calls that are let through to try ([docs/resilience.md](resilience.md)).',
  ],
  [
    watchdogMachine,
    'Keeps one watchdog running beside Node: a lost one is replaced at once, and again and again with longer and longer pauses ([docs/watchdog.md](watchdog.md)).',
  ],
  [
    forkServerMachine,
    'Keeps one fork server serving for a pool: one that is lost or silent is replaced at once, and one that somebody wants replaced when its successor serves. Those that do not serve any more live on behind this chart until their last worker has ended. Launches do not pass through it ([docs/launching.md](launching.md)).',
  ],
  [
    anomalyMachine,
    'One thing that may be wrong with a worker or a pool; a single look of its detector neither raises nor clears an alarm ([docs/health.md](health.md)).',
  ],
  [
    supervisorMachine,
    "OTP's supervisor: starts children in order, restarts them by a strategy, stops them in reverse order. Requests that come while it is busy are postponed, never dropped.",
  ],
  [
    dynamicSupervisorMachine,
    "OTP's dynamic supervisor: children come and go on request, and all stop at once.",
  ],
  [
    restartIntensityMachine,
    'How near a supervisor is to giving up. Supervisors decide by the same functions.',
  ],
  [
    applicationMachine,
    'An application: its parts start, run, and are stopped in order, also when its top supervisor ended by itself.',
  ],
];

const INTRODUCTION = `# Statecharts

Generated from the machines by \`npm run charts\`; do not edit. \`npm run charts:check\` fails when it is stale.

How to read them: a rounded box is a state, a frame a state with states inside, a small circle points to where it
begins, a double circle is an end. An arrow is labelled with the event and, in brackets, the condition; several
labels on one arrow are several ways. \`EXIT\` and \`DOWN\` are what links and monitors say. Events that a state
handles without leaving it are left out, and so are the actions: they are in the \`*.machine.ts\` files, which hold
nothing but the chart ([ADR-0003](../adr/0003-pure-machines-injected-effects.md)).

The machines are exported, so that you can draw, simulate and explore them yourself.
`;

async function render() {
  const sections = CHARTS.map(
    ([machine, text]) =>
      `## ${machine.id}\n\n${text}\n\n\`\`\`mermaid\n${flowchartOf(machine)}\n\`\`\`\n`,
  );
  return format([INTRODUCTION, ...sections].join('\n'), {
    ...(await resolveConfig(FILE)),
    parser: 'markdown',
  });
}

const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
const wanted = await render();
if (!values.check) writeFileSync(FILE, wanted);
else if (readFileSync(FILE, 'utf8') !== wanted) {
  console.error('docs/statecharts.md is stale.\nRemedy: npm run charts');
  process.exitCode = 1;
}
