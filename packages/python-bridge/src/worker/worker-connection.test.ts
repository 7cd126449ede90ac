import { describe, expect, test } from '@jest/globals';
import { createTestClock, isSnakepitError, type SnakepitError } from '@snakepit/core';
import { encodeArguments } from '../bridge/codec.ts';
import type { CallLimits, ToolCall, WorkerClient } from '../bridge/worker-client.ts';
import { bridgeError } from '../errors.ts';
import { createWorkerConnection } from './worker-connection.ts';

function createBench() {
  const clock = createTestClock();
  const activity: boolean[] = [];
  const calls: {
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: unknown) => void;
  }[] = [];
  let closed = 0;
  const client: WorkerClient = {
    executeTool: () =>
      new Promise((resolve, reject) => {
        if (closed > 0) reject(lost(false));
        else calls.push({ resolve, reject });
      }),
    ping: () => Promise.reject(new Error('not asked here')),
    connected: () => Promise.reject(new Error('not asked here')),
    close: () => void (closed += 1),
  };
  const connection = createWorkerConnection({
    client,
    clock,
    pool: 'p',
    workerId: 'w1',
    onActivity: (isBusy) => activity.push(isBusy),
  });
  const execute = (limits: CallLimits = {}): Promise<unknown> => connection.execute(call, limits);
  return { clock, activity, calls, connection, execute, closed: () => closed };
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

  test("nor longer than the call's own limit", async () => {
    const { calls, execute, clock } = createBench();
    const error = errorOf(execute({ deadlineMs: 300 }));
    await clock.advance(100);
    calls[0]?.reject(lost(true));
    await clock.advance(200);
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
    const late = AbortSignal.abort('before');
    const other = errorOf(execute({ signal: late }));
    calls[1]?.reject(lost(true));
    expect(await other).toMatchObject({ code: 'CANCELLED', cause: 'before' });
    expect(clock.pending).toBe(0);
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
