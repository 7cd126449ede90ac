import { exitReason, isCleanExit, type ExitMessage, type ExitReason } from '@snakepit/core';
import { assign, sendTo, setup } from 'xstate';
import { provide } from '../unprovided-effect.ts';
import {
  gracefulShutdownMachine,
  type GracefulShutdownEvent,
  type GracefulShutdownInput,
  type GracefulShutdownOutput,
} from './graceful-shutdown.machine.ts';
import type { WorkerFailure } from './failure-cause.ts';
import {
  beginWith,
  drainTimeOfEvent,
  drainTo,
  failureOfEvent,
  isCleanExitEvent,
  isSickExit,
  noteSickness,
  processOfEvent,
  reasonOfExit,
  reservationOfEvent,
  sicknessOfExit,
  toolOf,
  unprovided,
} from './grpc-worker-params.ts';
import { heartbeatFaultOf } from './heartbeat-fault.ts';
import {
  knownAtFirst,
  sickness,
  stuckFailure,
  workerGivenUp,
  type GrpcWorkerContext,
  type GrpcWorkerEvent,
  type ReadyProcess,
  type GrpcWorkerInput,
  type GrpcWorkerOutput,
} from './worker-life.ts';

/**
 * One Python worker, from its reservation until its operating system process is confirmed gone.
 *
 * It owns the process, the connection and the heartbeat. Calls do not pass through it: it hears only when the number
 * of calls in flight leaves zero and reaches it again.
 */
export const grpcWorkerMachine = setup({
  types: {
    context: {} as GrpcWorkerContext,
    events: {} as GrpcWorkerEvent,
    input: {} as GrpcWorkerInput,
    output: {} as GrpcWorkerOutput,
  },
  actors: { gracefulShutdown: gracefulShutdownMachine },
  actions: {
    reserve: provide('reserve'),
    spawnProcess: provide('spawnProcess'),
    reportLateStart: provide('reportLateStart'),
    reportLateConnection: provide('reportLateConnection'),
    connect: provide('connect'),
    announceReady: provide('announceReady'),
    announceAgain: provide('announceAgain'),
    startHeartbeat: provide('startHeartbeat'),
    stopHeartbeat: provide('stopHeartbeat'),
    ...unprovided,
    withdraw: provide('withdraw'),
    awaitCalls: provide('awaitCalls'),
    failCalls: provide('failCalls'),
    // Of the shutdown that it invokes; its effects are those of this process.
    askProcess: provide('askProcess'),
    killProcess: provide('killProcess'),
    cleanUp: provide('cleanUp'),
    reportFailed: provide('reportFailed'),
    reportTerminated: provide('reportTerminated'),
    forwardToShutdown: sendTo('shutdown', ({ event }) => event as GracefulShutdownEvent),
    confirmToShutdown: sendTo('shutdown', { type: 'process.gone' }),
    endDraining: sendTo('shutdown', { type: 'calls.ended' }),
    rememberReservation: assign({ incarnation: (_, incarnation: string) => incarnation }),
    rememberProcess: assign({ osPid: (_, osPid: number | undefined) => osPid }),
    rememberAddress: assign((_, { address, gil }: ReadyProcess) => ({ address, gil })),
    rememberFailure: assign({ failure: (_, failure: WorkerFailure) => failure }),
    rememberReason: assign({ reason: (_, reason: ExitReason) => reason }),
    rememberBegin: assign({ begin: (_, begin: GracefulShutdownInput['begin']) => begin }),
    rememberDrainTime: assign({
      drainTimeoutMs: ({ context }, drainTimeoutMs: number | undefined) =>
        drainTimeoutMs ?? context.drainTimeoutMs,
    }),
    rememberShutdown: assign({ shutdown: (_, output: GracefulShutdownOutput) => output }),
    rememberSickness: assign({
      failure: ({ context }, reason: ExitReason) => sickness(context, reason),
    }),
    rememberStuck: assign({
      failure: ({ context }, { tool }: { readonly tool: string }) => stuckFailure(context, tool),
    }),
    rememberCrash: assign({
      reason: ({ context }) => context.reason ?? exitReason.error(context.failure?.error),
    }),
    rememberGivenUp: assign({ reason: workerGivenUp }),
    // Whatever happens to a worker that has served is no failed start.
    refillBudget: assign({ startsLeft: ({ context }) => Math.max(1, context.maxRestarts) }),
  },
  guards: {
    mustWait: ({ context }) => context.startBackoffMs > 0,
    isSick: (_, reason: ExitReason) => heartbeatFaultOf(reason) !== undefined,
    isClean: (_, reason: ExitReason) => isCleanExit(reason),
    isAbandoned: (_, reason: ExitReason) =>
      !isCleanExit(reason) && heartbeatFaultOf(reason) === undefined,
    wasAsked: ({ context }) =>
      context.failure === undefined ||
      (context.reason !== undefined && isCleanExit(context.reason)),
    canRestart: ({ context: { failure, startsLeft } }) =>
      failure?.permanent === false && (failure.uncounted === true || startsLeft > 0),
  },
  delays: {
    startBackoff: ({ context }) => context.startBackoffMs,
    startupTimeout: ({ context }) => context.startupTimeoutMs,
    connectTimeout: ({ context }) => context.connectTimeoutMs,
    cleanTimeout: ({ context }) => context.killTimeoutMs,
  },
}).createMachine({
  id: 'grpcWorker',
  context: ({ input }) => knownAtFirst(input),
  initial: 'deciding',
  on: {
    // Its supervisor or its monitor has died. Its successor needs its name at once, so nothing is waited for: the
    // effects kill the process when this one is gone, and the host confirms.
    EXIT: {
      guard: {
        type: 'isAbandoned',
        params: ({ event }: { readonly event: ExitMessage }) => event.reason,
      },
      target: '.terminated',
      actions: reasonOfExit,
    },
  },
  states: {
    deciding: { always: [{ guard: 'mustWait', target: 'backingOff' }, { target: 'reserving' }] },
    backingOff: {
      on: {
        EXIT: { guard: isCleanExitEvent, target: 'terminated', actions: reasonOfExit },
        'worker.stop': 'terminated',
        'drain.expired': 'terminated',
        'worker.start': 'reserving',
      },
      after: { startBackoff: 'reserving' },
    },
    // Nothing is waited for: names are made in the same turn.
    reserving: {
      entry: 'reserve',
      on: {
        'worker.reserved': {
          target: 'starting',
          actions: reservationOfEvent,
        },
        EXIT: { guard: isCleanExitEvent, target: 'cleaning', actions: reasonOfExit },
        'worker.stop': 'cleaning',
        'drain.expired': 'cleaning',
      },
    },
    starting: {
      initial: 'spawning',
      on: {
        EXIT: {
          guard: isCleanExitEvent,
          target: 'stopping',
          actions: [reasonOfExit, beginWith('ask')],
        },
        'worker.stop': { target: 'stopping', actions: beginWith('ask') },
        'drain.expired': { target: 'stopping', actions: beginWith('ask') },
        'start.failed': { target: 'stopping', actions: [failureOfEvent, beginWith('kill')] },
      },
      states: {
        spawning: {
          entry: 'spawnProcess',
          on: {
            'process.spawned': {
              target: 'awaitingReady',
              actions: processOfEvent,
            },
            // So there is none to end.
            'spawn.failed': { target: '#grpcWorker.cleaning', actions: failureOfEvent },
          },
          after: { startupTimeout: { actions: 'reportLateStart' } },
        },
        awaitingReady: {
          on: {
            'process.ready': {
              target: 'connecting',
              actions: {
                type: 'rememberAddress',
                params: ({ event }: { event: ReadyProcess }) => event,
              },
            },
          },
          after: { startupTimeout: { actions: 'reportLateStart' } },
        },
        connecting: {
          entry: 'connect',
          on: {
            'connection.established': '#grpcWorker.ready',
            'process.died': {
              target: '#grpcWorker.stopping',
              actions: [failureOfEvent, beginWith('kill')],
            },
          },
          after: { connectTimeout: { actions: 'reportLateConnection' } },
        },
      },
    },
    ready: {
      entry: ['refillBudget', 'announceReady', 'startHeartbeat'],
      exit: ['stopHeartbeat', 'withdraw'],
      initial: 'idle',
      on: {
        'process.died': {
          target: 'stopping',
          actions: [failureOfEvent, 'failCalls', beginWith('kill')],
        },
        'connection.lost': { target: 'stopping', actions: [failureOfEvent, beginWith('kill')] },
        EXIT: [
          {
            guard: isSickExit,
            target: 'stopping',
            actions: [reasonOfExit, sicknessOfExit, noteSickness, beginWith('kill')],
          },
          {
            guard: isCleanExitEvent,
            target: 'stopping',
            actions: [reasonOfExit, drainTo('stop'), beginWith('drain')],
          },
        ],
        'worker.stop': {
          target: 'stopping',
          actions: [drainTimeOfEvent, drainTo('stop'), beginWith('drain')],
        },
        'drain.expired': { target: 'stopping', actions: beginWith('ask') },
        'worker.stuck': {
          target: 'stopping',
          actions: [
            { type: 'rememberStuck', params: toolOf },
            { type: 'noteStuck', params: toolOf },
            beginWith('kill'),
          ],
        },
        'worker.announce': { actions: 'announceAgain' },
      },
      states: {
        idle: {
          on: {
            'calls.began': 'executing',
            'worker.drain': { target: 'drained', actions: [drainTo('hold'), 'withdraw'] },
          },
        },
        executing: {
          on: {
            'calls.ended': 'idle',
            'worker.drain': { target: 'draining', actions: [drainTo('hold'), 'withdraw'] },
          },
        },
        // Somebody wants it to take no calls: its pool goes on without it, and its process stays. It takes calls again
        // only when it has ended those that it has: together they might be too many.
        draining: { on: { 'calls.ended': 'drained', 'worker.announce': {} } },
        drained: {
          on: {
            // Given to it before it was drained.
            'calls.began': 'draining',
            'worker.serve': { target: 'idle', actions: 'announceAgain' },
            'worker.announce': {},
          },
        },
      },
    },
    stopping: {
      invoke: {
        id: 'shutdown',
        src: 'gracefulShutdown',
        input: ({ context }) => ({
          drainTimeoutMs: context.drainTimeoutMs,
          termTimeoutMs: context.termTimeoutMs,
          killTimeoutMs: context.killTimeoutMs,
          begin: context.begin,
        }),
        onDone: {
          target: 'cleaning',
          actions: { type: 'rememberShutdown', params: ({ event }) => event.output },
        },
      },
      on: {
        // Told a moment ago, it may be untrue by now: asked again.
        'calls.ended': { actions: 'awaitCalls' },
        'calls.drained': { actions: 'endDraining' },
        'drain.expired': { actions: 'forwardToShutdown' },
        'process.gone': { actions: 'forwardToShutdown' },
        'shutdown.hurried': { actions: 'forwardToShutdown' },
        // It was still being spawned, and now there is nothing to end. A start that failed otherwise says nothing
        // of the process.
        'spawn.failed': { actions: 'confirmToShutdown' },
        'process.died': { actions: 'failCalls' },
        // Whatever else ends meanwhile, being asked to end is what counts.
        EXIT: { guard: isCleanExitEvent, actions: reasonOfExit },
      },
    },
    cleaning: {
      entry: 'cleanUp',
      on: {
        'resources.released': 'concluding',
        EXIT: { guard: isCleanExitEvent, actions: reasonOfExit },
      },
      after: { cleanTimeout: 'concluding' },
    },
    concluding: {
      always: [
        { guard: 'wasAsked', target: 'terminated' },
        { guard: 'canRestart', target: 'terminated', actions: 'rememberCrash' },
        { target: 'failed' },
      ],
    },
    terminated: { type: 'final', entry: 'reportTerminated' },
    failed: { type: 'final', entry: ['rememberGivenUp', 'reportTerminated', 'reportFailed'] },
  },
  output: ({ context }) => ({ reason: context.reason ?? exitReason.normal }),
});
