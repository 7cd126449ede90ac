import { describe, expect, test } from '@jest/globals';
import { exitReason, Pid } from '@snakepit/core';
import {
  gracefulShutdownMachine,
  grpcWorkerMachine,
  heartbeatMonitorMachine,
  poolMachine,
} from '@snakepit/python-bridge';
import { createActor, SimulatedClock, type AnyEventObject, type AnyStateMachine } from 'xstate';

/** What a machine says that is run as it is, without effects. */
function errorOf(machine: AnyStateMachine, input: object, events: AnyEventObject[] = []): unknown {
  let said: unknown;
  const actor = createActor(machine, { clock: new SimulatedClock(), input: input });
  actor.subscribe({
    error: (error) => {
      said = error;
    },
  });
  actor.start();
  for (const event of events) actor.send(event);
  return said;
}

describe('a chart without its effects says which one is missing', () => {
  const limits = { drainTimeoutMs: 1, termTimeoutMs: 1, killTimeoutMs: 1 };
  const failed = { type: 'worker.failed', workerId: 'w1', error: new Error('no') };
  const end = { type: 'EXIT', from: new Pid(1), reason: exitReason.shutdown };

  test.each<[string, AnyStateMachine, object, AnyEventObject[], string]>([
    ['heartbeatMonitor', heartbeatMonitorMachine, {}, [], 'sendBeat'],
    ['gracefulShutdown', gracefulShutdownMachine, { ...limits, begin: 'ask' }, [], 'askProcess'],
    [
      'grpcWorker',
      grpcWorkerMachine,
      { history: { failedStarts: 0, backoffMs: () => 0 } },
      [],
      'reserve',
    ],
    ['pool', poolMachine, { workerIds: ['w1'] }, [], 'startWorkers'],
    [
      'pool',
      poolMachine.provide({ actions: { startWorkers: () => undefined } }),
      { workerIds: ['w1'] },
      [failed, end],
      'followWorker',
    ],
    [
      'pool',
      poolMachine.provide({
        actions: { startWorkers: () => undefined, followWorker: () => undefined },
      }),
      { workerIds: ['w1'] },
      [failed, end],
      'tellFailed',
    ],
  ])('%s', (_, machine, input, events, action) => {
    expect(errorOf(machine, input, events)).toEqual(new Error(`provide the action '${action}'`));
  });
});
