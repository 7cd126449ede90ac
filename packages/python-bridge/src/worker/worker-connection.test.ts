import { describe, expect, test } from '@jest/globals';
import { createTestClock, isSnakepitError, type SnakepitError } from '@snakepit/core';
import { encodeArguments } from '../bridge/codec.ts';
import type { CallListener, RunningCall, ToolCall } from '../bridge/call-path.ts';
import {
  execute as executeOn,
  RecordingListener,
  type TestLimits,
} from '../bridge/call-path.fixture.ts';
import type { WorkerClient } from '../bridge/worker-client.ts';
import { bridgeError } from '../errors.ts';
import { createWorkerConnection } from './worker-connection.ts';

/** A call of which the test says how it ends. */
class ScriptedCall implements RunningCall {
  readonly listener: CallListener;
  readonly cancelled: Error[] = [];
  granted = 0;

  constructor(listener: CallListener) {
    this.listener = listener;
  }

  cancel(error: Error): void {
    this.cancelled.push(error);
    this.listener.settled(error, undefined);
  }

  grant(chunks: number): void {
    this.granted += chunks;
  }

  resolve(value: unknown): void {
    this.listener.settled(undefined, value);
    this.listener.released();
  }

  reject(error: Error): void {
    this.listener.settled(error, undefined);
    this.listener.released();
  }
}

function createBench() {
  const clock = createTestClock();
  const activity: boolean[] = [];
  const calls: ScriptedCall[] = [];
  const sessions: string[] = [];
  let closed = 0;
  const client: WorkerClient = {
    begin: (_call, _limits, listener) => {
      const scripted = new ScriptedCall(listener);
      if (closed === 0) calls.push(scripted);
      else {
        queueMicrotask(() => {
          scripted.reject(lost(false));
        });
      }
      return scripted;
    },
    openSession: (id, { user }) => void sessions.push(`open ${id} of ${String(user)}`),
    closeSession: (id) => void sessions.push(`close ${id}`),
    ping: () => Promise.reject(new Error('not asked here')),
    connected: () => Promise.reject(new Error('not asked here')),
    close: () => void (closed += 1),
  };
  const connection = createWorkerConnection({
    client,
    clock,
    pool: 'p',
    workerId: 'w1',
    ready: { tools: [] },
    onActivity: (isBusy) => activity.push(isBusy),
  });
  const execute = (limits?: TestLimits): Promise<unknown> => executeOn(connection, call, limits);
  return { clock, activity, calls, connection, sessions, execute, closed: () => closed };
}

const call: ToolCall = { tool: 'add', arguments: encodeArguments({}, 'add'), session: 's' };
const lost = (maybeExecuted: boolean): Error =>
  bridgeError('WORKER_UNAVAILABLE', { reason: 'the connection dropped', maybeExecuted });
const death = {
  reason: 'it was ended by SIGKILL (9)',
  exitCode: undefined,
  signal: 'SIGKILL',
  lastOutput: ['out of luck'],
  failure: 'killed' as const,
};
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const errorOf = async (promise: Promise<unknown>): Promise<SnakepitError> => {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (isSnakepitError(error)) return error;
  throw new Error('no SnakepitError', { cause: error });
};

describe('execute', () => {
  test('gives what the client gives, and counts what is in flight', async () => {
    const { calls, connection, execute } = createBench();
    const [first, second] = [execute(), execute()];
    second.catch(() => undefined);
    expect(connection.inFlight).toBe(2);
    calls[0]?.resolve(5);
    calls[1]?.reject(new TypeError('odd'));
    expect(await first).toBe(5);
    await expect(second).rejects.toThrow('odd');
    expect(connection.inFlight).toBe(0);
  });

  test('a call that loses its connection waits for the death, which says more', async () => {
    const { calls, connection, execute, clock } = createBench();
    const error = errorOf(execute());
    calls[0]?.reject(lost(true));
    await clock.advance(1_900);
    expect(connection.inFlight).toBe(1);
    connection.died(death);
    expect(await error).toMatchObject({
      code: 'WORKER_CRASHED',
      details: { pool: 'p', worker: 'w1', tool: 'add', session: 's', signal: 'SIGKILL' },
    });
    expect((await error).message).toContain('it was ended by SIGKILL (9)');
    expect((await error).message).toContain('out of luck');
    expect(clock.pending).toBe(0);
  });

  test('it does not wait long for a death that does not come', async () => {
    const { calls, execute, clock } = createBench();
    const error = errorOf(execute());
    calls[0]?.reject(lost(true));
    await clock.advance(2_000);
    expect(await error).toMatchObject({ code: 'WORKER_UNAVAILABLE' });
  });

  test('nor when the caller gives up', async () => {
    const { calls, execute, clock } = createBench();
    const controller = new AbortController();
    const error = errorOf(execute({ signal: controller.signal }));
    calls[0]?.reject(lost(true));
    await turn();
    controller.abort('enough');
    expect(await error).toMatchObject({ code: 'CANCELLED', cause: 'enough' });
    expect(clock.pending).toBe(0);
  });

  test('[I5.2] a call that was given up is settled at once, and over when the worker has let go', async () => {
    const { calls, connection } = createBench();
    const listener = new RecordingListener();
    const running = connection.begin(call, { timeoutMs: 1 }, listener);
    const enough = new Error('enough');
    running.cancel(enough);
    running.cancel(new Error('again'));
    await expect(listener.outcome).rejects.toBe(enough);
    expect([listener.events, connection.inFlight]).toEqual([['settled'], 0]);
    expect(calls[0]?.cancelled).toEqual([enough]);
    calls[0]?.listener.chunk?.('late');
    calls[0]?.listener.released();
    expect(listener.events).toEqual(['settled', 'released']);
  });

  test('[I5.2] the death of its worker lets go of it, too, once', () => {
    const { calls, connection } = createBench();
    const listener = new RecordingListener();
    connection.begin(call, { timeoutMs: 1 }, listener).cancel(new Error('enough'));
    connection.died(death);
    calls[0]?.listener.released();
    expect(listener.events).toEqual(['settled', 'released']);
  });

  test('[I5.9] the others are told how many calls that had been given up it was still executing', async () => {
    const { calls, connection, execute } = createBench();
    const others = [0, 1].map(() => new RecordingListener());
    for (const listener of others) {
      connection.begin(call, { timeoutMs: 1 }, listener).cancel(new Error('enough'));
    }
    calls[0]?.listener.released();
    const error = errorOf(execute());
    connection.lost();
    calls[1]?.listener.released();
    calls[2]?.reject(lost(true));
    connection.died(death);
    expect(await error).toMatchObject({ code: 'WORKER_CRASHED', details: { abandoned: 1 } });
    for (const { outcome } of others) await expect(outcome).rejects.toThrow('enough');
  });

  test('chunks go through, and credit the other way', () => {
    const { calls, connection } = createBench();
    const listener = new RecordingListener();
    const running = connection.begin(
      { ...call, stream: { credit: 2 } },
      { timeoutMs: 1 },
      listener,
    );
    calls[0]?.listener.chunk?.('a');
    running.grant(3);
    calls[0]?.listener.chunk?.('b');
    calls[0]?.resolve(undefined);
    running.grant(1);
    expect(listener.events).toEqual(['a', 'b', 'settled', 'released']);
    expect(calls[0]?.granted).toBe(3);
  });

  test('sessions are told to the worker', () => {
    const { connection, sessions } = createBench();
    connection.openSession('s', { user: 'me' });
    connection.closeSession('s');
    expect(sessions).toEqual(['open s of me', 'close s']);
  });

  test('after the death a call fails at once and did not run', async () => {
    const { connection, execute, clock } = createBench();
    connection.died(death);
    const error = await errorOf(execute());
    expect(error).toMatchObject({
      code: 'WORKER_UNAVAILABLE',
      details: { maybeExecuted: false },
    });
    expect(clock.pending).toBe(0);
  });
});

describe('the end', () => {
  test('a death fails every call in flight, once', async () => {
    const { calls, connection, execute, closed } = createBench();
    const errors = [errorOf(execute()), errorOf(execute())];
    connection.died(death);
    for (const error of errors) expect((await error).code).toBe('WORKER_CRASHED');
    calls[0]?.resolve('too late');
    calls[1]?.reject(lost(true));
    await turn();
    expect([connection.inFlight, closed()]).toEqual([0, 1]);
  });

  test('closing fails what is left and says why', async () => {
    const { calls, connection, execute, clock } = createBench();
    const errors = [errorOf(execute()), errorOf(execute())];
    calls[1]?.reject(lost(true));
    await turn();
    connection.close('it was stopped before the call had ended');
    for (const error of errors) {
      expect(await error).toMatchObject({
        code: 'WORKER_UNAVAILABLE',
        details: { maybeExecuted: true, tool: 'add' },
      });
      expect((await error).message).toContain('it was stopped before the call had ended');
    }
    expect(clock.pending).toBe(0);
  });
});

describe('activity', () => {
  test('is told once a turn, and only when it has changed', async () => {
    const { activity, calls, execute } = createBench();
    const promises = [execute(), execute()];
    expect(activity).toEqual([]);
    await turn();
    expect(activity).toEqual([true]);
    calls[0]?.resolve(1);
    await turn();
    calls[1]?.resolve(1);
    await Promise.all(promises);
    await turn();
    expect(activity).toEqual([true, false]);
  });

  test('a call that comes and goes within a turn is not told', async () => {
    const { activity, calls, execute } = createBench();
    const promise = execute();
    calls[0]?.resolve(1);
    await promise;
    await turn();
    expect(activity).toEqual([]);
  });
});
