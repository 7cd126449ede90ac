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
import { heartbeatFaultOf } from './heartbeat-fault.ts';
import {
  sickness,
  workerGivenUp,
  type GrpcWorkerContext,
  type GrpcWorkerEvent,
  type GrpcWorkerInput,
  type GrpcWorkerOutput,
} from './worker-life.ts';

const reasonOfExit = {
  type: 'rememberReason',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;

const failureOfEvent = {
  type: 'rememberFailure',
  params: ({ event }: { readonly event: { readonly failure: WorkerFailure } }) => event.failure,
} as const;

const isCleanExitEvent = {
  type: 'isClean',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;

const drainTimeOfEvent = {
  type: 'rememberDrainTime',
  params: ({ event }: { readonly event: { readonly drainTimeoutMs?: number } }) =>
    event.drainTimeoutMs,
} as const;

const beginWith = (begin: GracefulShutdownInput['begin']) =>
  ({ type: 'rememberBegin', params: begin }) as const;

const sicknessOfExit = { ...reasonOfExit, type: 'rememberSickness' } as const;

const noteSickness = { ...reasonOfExit, type: 'noteSickness' } as const;

const unprovidedNoteSickness: (args: unknown, exit: ExitReason) => never = provide('noteSickness');

const isSickExit = {
  type: 'isSick',
  params: ({ event }: { readonly event: ExitMessage }) => event.reason,
} as const;

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
    noteSickness: unprovidedNoteSickness,
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
    rememberAddress: assign({ address: (_, address: string) => address }),
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
  context: ({ input }) => ({
    pool: input.pool,
    workerId: input.workerId,
    maxRestarts: input.maxRestarts,
    startupTimeoutMs: input.startupTimeoutMs,
    connectTimeoutMs: input.connectTimeoutMs,
    drainTimeoutMs: input.drainTimeoutMs,
    termTimeoutMs: input.termTimeoutMs,
    killTimeoutMs: input.killTimeoutMs,
    startBackoffMs: input.history.backoffMs(),
    startsLeft: input.maxRestarts - input.history.failedStarts,
    incarnation: undefined,
    osPid: undefined,
    address: undefined,
    failure: undefined,
    reason: undefined,
    begin: 'ask',
    shutdown: undefined,
  }),
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
      },
      after: { startBackoff: 'reserving' },
    },
    // Nothing is waited for: names are made in the same turn.
    reserving: {
      entry: 'reserve',
      on: {
        'worker.reserved': {
          target: 'starting',
          actions: {
            type: 'rememberReservation',
            params: ({ event }: { event: { incarnation: string } }) => event.incarnation,
          },
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
              actions: {
                type: 'rememberProcess',
                params: ({ event }: { event: { osPid: number | undefined } }) => event.osPid,
              },
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
                params: ({ event }: { event: { address: string } }) => event.address,
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
        EXIT: [
          {
            guard: isSickExit,
            target: 'stopping',
            actions: [reasonOfExit, sicknessOfExit, noteSickness, beginWith('kill')],
          },
          {
            guard: isCleanExitEvent,
            target: 'stopping',
            actions: [reasonOfExit, beginWith('drain')],
          },
        ],
        'worker.stop': { target: 'stopping', actions: [drainTimeOfEvent, beginWith('drain')] },
        'drain.expired': { target: 'stopping', actions: beginWith('ask') },
        'worker.announce': { actions: 'announceAgain' },
      },
      states: {
        idle: { on: { 'calls.began': 'executing' } },
        executing: { on: { 'calls.ended': 'idle' } },
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
