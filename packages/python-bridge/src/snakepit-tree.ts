import type { ActorSystem, ProcessContext, StartResult } from '@snakepit/core';
import type { ChildSpec } from '@snakepit/supervisor';
import {
  bridgeServer,
  bridgeServerName,
  type BridgeEndpoint,
  type BridgeServerInput,
} from './bridge/bridge-server.ts';
import { originalBridgeName, type OriginalBridge } from './bridge/original-bridge.ts';
import { sessionStore, sessionStoreName, type NewSession } from './bridge/session-store.ts';
import { toolRegistry, toolRegistryName } from './bridge/tool-registry.ts';
import type { ToolTable } from './bridge/tool-table.ts';
import { findBridgeFiles } from './bridge/bridge-files.ts';
import type { HeldResources } from './held-resources.ts';
import { startNamedSupervisor } from './named-supervisor.ts';
import { applicationCleanup } from './os/application-cleanup.ts';
import { currentPlatform } from './os/platform/current.ts';
import { processRegistry, processRegistryName } from './os/process-registry.ts';
import { layersSwitchedOff } from './os/safety-layers.ts';
import { createWatchedGroups, type WatchedGroups } from './os/watchdog-groups.ts';
import { watchdogCommand } from './os/watchdog-process.ts';
import { watchdog, watchdogName, watchdogTimes } from './os/watchdog.ts';
import type { WatchdogInput } from './os/watchdog.machine.ts';
import {
  telemetryStream,
  telemetryStreamName,
  type TelemetryStreamInput,
} from './telemetry/telemetry-stream.ts';
import { poolSupervisorName } from './pool/pool-runtime.ts';

/** What the tree is made of. */
export interface TreeParts {
  /** Where its processes live. */
  readonly system: ActorSystem;
  /** Directory of the run records; default that of the platform. */
  readonly stateDir: string | undefined;
  /** Directory of the sockets; default one below the run's records. */
  readonly socketDir: string | undefined;
  /** The tools that Python can call; they outlive the process that answers for them. */
  readonly tools: ToolTable;
  /** What workers show when they call Node. */
  readonly bridgeToken: string;
  /** What the process registry holds. */
  readonly resources: HeldResources;
  /** Aborted when everything is to end as soon as possible: what takes time, and can be done by the next run, is left. */
  readonly hurried: AbortSignal;
  /** Told where workers may call the runtime, and `undefined` when they may not any more. */
  readonly onBridge: (endpoint: BridgeEndpoint | undefined) => void;
  /** Where servers of the original call the runtime; `undefined` when no pool has them. */
  readonly originalBridge: OriginalBridge | undefined;
  /** Names of the pools whose workers a watchdog ends when the runtime is gone. */
  readonly watchedPools: readonly string[];
  /** The sessions that are used from Node. */
  readonly sessions: { all(): readonly NewSession[] };
  /** Where the events of Python come from, and which of them are taken. */
  readonly telemetry: TelemetryStreamInput;
  /** Names of the pools. */
  readonly poolNames: readonly string[];
  /** The supervisor of each pool. */
  readonly pools: readonly ChildSpec[];
}

/**
 * The children of the root supervisor, which is `oneForOne`.
 *
 * Workers cannot outlive the process registry, because the host that owns them goes with it; so what belongs to the run
 * is `restForOne` behind it: when the registry fails, the pools are stopped and start anew in the next run. Left to
 * themselves, the workers would try to start without a host and be given up. Behind the registry everything fails apart:
 * the server that Python calls comes back under the same address and token, and no worker needs to know.
 */
export function treeOf(parts: TreeParts): ChildSpec[] {
  const groups = watchedGroups(parts);
  return [
    {
      id: 'sessionStore',
      name: sessionStoreName,
      start: [
        sessionStore,
        { onGone: parts.tools.forgetSessions, survivors: () => parts.sessions.all() },
      ],
    },
    { id: 'toolRegistry', name: toolRegistryName, start: [toolRegistry, parts.tools] },
    // Apart from all others, because nobody needs it; before the workers, so that it hears the last that they tell.
    {
      id: 'telemetryStream',
      name: telemetryStreamName,
      start: [telemetryStream, parts.telemetry],
    },
    supervisor(
      'run',
      'restForOne',
      [processRegistryName, 'snakepit.services'],
      [
        registry(parts, groups),
        supervisor('services', 'oneForOne', serviceNames, [
          // Before everything that has workers or looks for them, so that it is stopped when nobody is left.
          ...(groups === undefined ? [] : [watchdogSpec(parts, groups)]),
          // Before the pools, so that it is stopped after them.
          {
            id: 'applicationCleanup',
            name: cleanupName,
            start: [applicationCleanup, { run: () => parts.resources.current()?.run }],
          },
          { id: 'bridgeServer', start: (self) => startBridge(parts, self) },
          ...(parts.originalBridge === undefined ? [] : [parts.originalBridge.spec]),
          supervisor('pools', 'oneForOne', parts.poolNames.map(poolSupervisorName), parts.pools),
        ]),
      ],
    ),
  ];
}

function supervisor(
  id: string,
  strategy: 'oneForOne' | 'restForOne',
  childNames: readonly string[],
  children: readonly ChildSpec[],
): ChildSpec {
  return {
    id,
    type: 'supervisor',
    start: (self) => {
      return startNamedSupervisor(self, `snakepit.${id}`, { strategy, children }, childNames);
    },
  };
}

const cleanupName = 'snakepit.applicationCleanup';
const serviceNames = [
  ...[cleanupName, watchdogName, bridgeServerName, originalBridgeName],
  'snakepit.pools',
];

function watchedGroups({ watchedPools }: TreeParts): WatchedGroups | undefined {
  if (watchedPools.length === 0 || layersSwitchedOff().has('watchdog')) return undefined;
  return createWatchedGroups(new Set(watchedPools));
}

/** A start function, because the run's id and marker are known only when the process registry runs. */
function watchdogSpec(parts: TreeParts, groups: WatchedGroups): ChildSpec {
  return {
    id: 'watchdog',
    start: (supervisorSelf) => {
      const { runId, marker } = parts.resources.current()?.run ?? { runId: '', marker: '' };
      const command = watchdogCommand(findBridgeFiles().scriptsDir);
      const input: WatchdogInput = { ...watchdogTimes, runId, marker, groups, command };
      return new Promise((resolve) => {
        supervisorSelf.startLink(watchdog, input, { name: watchdogName }, resolve);
      });
    },
  };
}

function registry(
  { system, stateDir, socketDir, hurried, resources }: TreeParts,
  guard: WatchedGroups | undefined,
): ChildSpec {
  const input = {
    guard,
    stateDir,
    socketDir,
    hurried,
    onOutput: ({
      ref,
      text,
    }: {
      readonly ref: { readonly workerId: string };
      readonly text: string;
    }) => {
      system.logger.info(`[${ref.workerId}] ${text}`);
    },
    onOpened: resources.keep,
    onResources: resources.hold,
  };
  return {
    id: 'processRegistry',
    name: processRegistryName,
    start: [processRegistry, input],
    // It ends only when every worker is confirmed gone.
    shutdown: 'infinity',
  };
}

/** A start function, because where its socket goes is known only when the process registry runs. */
function startBridge(parts: TreeParts, supervisorSelf: ProcessContext): Promise<StartResult> {
  const input: BridgeServerInput = {
    directory:
      currentPlatform.sockets === undefined ? undefined : parts.resources.current()?.sockets.path,
    token: parts.bridgeToken,
    onListening: parts.onBridge,
  };
  return new Promise((resolve) => {
    supervisorSelf.startLink(bridgeServer, input, { name: bridgeServerName }, resolve);
  });
}
