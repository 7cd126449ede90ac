import { describe, expect, test } from '@jest/globals';
import { bridgeError } from '../errors.ts';
import { noGuard } from './call-guard.ts';
import {
  anyCall,
  crashed,
  createBench,
  errorOf,
  ScriptedWorker,
  settle,
  unreachable,
} from './dispatcher.fixture.ts';

describe('trying again', () => {
  test('[R2.5] an idempotent call goes to another worker, before those that wait', async () => {
    const { dispatcher, call, outcomes } = createBench();
    const [dead, alive] = [new ScriptedWorker('w1'), new ScriptedWorker('w2')];
    dispatcher.admit(dead);
    dispatcher.admit(alive);
    call('a', { idempotent: true });
    call('busy');
    call('b');
    dispatcher.withdraw(dead);
    dead.fail(crashed());
    await settle();
    expect(dispatcher.stats()).toMatchObject({ retried: 1, queued: 2 });
    alive.answer();
    await settle();
    expect([dead.tools, alive.tools]).toEqual([[], ['a']]);
    alive.answer('in the end');
    await settle();
    expect(outcomes['a']).toBe('in the end');
  });

  test('a call that may not run twice fails, and names the crash', async () => {
    const { dispatcher, call, outcomes } = createBench();
    const [dead, alive] = [new ScriptedWorker('w1'), new ScriptedWorker('w2')];
    dispatcher.admit(dead);
    dispatcher.admit(alive);
    call('a');
    dispatcher.withdraw(dead);
    dead.fail(crashed());
    await settle();
    expect(outcomes).toEqual({ a: 'WORKER_CRASHED' });
    expect(alive.tools).toEqual([]);
  });

  test('what never reached Python is sent again, whatever the caller declared', async () => {
    const { dispatcher, call, outcomes } = createBench();
    const [deaf, alive] = [new ScriptedWorker('w1'), new ScriptedWorker('w2')];
    dispatcher.admit(deaf);
    call('a');
    call('b');
    deaf.fail(unreachable(false));
    await settle();
    expect(deaf.tools).toEqual(['a']);
    dispatcher.withdraw(deaf);
    deaf.fail(unreachable(true));
    await settle();
    expect(outcomes).toEqual({ a: 'WORKER_UNAVAILABLE' });
    dispatcher.admit(alive);
    expect(alive.tools).toEqual(['b']);
  });

  test('[I5.9] whether it may is asked with the number under which it was taken', async () => {
    const asked: unknown[] = [];
    const { dispatcher, call } = createBench({
      guard: {
        ...noGuard,
        enter: () => 7,
        refusal: ({ tool }, ticket) => void asked.push([tool, ticket]),
      },
    });
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a', { idempotent: true });
    worker.fail(crashed());
    await settle();
    expect(asked).toEqual([
      ['a', undefined],
      ['a', 7],
    ]);
  });

  test('it ends: after four attempts the failure is told', async () => {
    const { dispatcher, call, outcomes } = createBench();
    call('a', { idempotent: true });
    for (let attempt = 1; attempt <= 4; attempt++) {
      const worker = new ScriptedWorker('w1');
      dispatcher.admit(worker);
      expect(worker.tools).toEqual(['a']);
      dispatcher.withdraw(worker);
      worker.fail(crashed());
      await settle();
    }
    expect(outcomes).toEqual({ a: 'WORKER_CRASHED' });
    expect(dispatcher.stats()).toMatchObject({ retried: 3, failed: 1, queued: 0 });
  });

  test.each([
    ['an exception of the tool', () => bridgeError('CANCELLED', {})],
    ['an error that is none of ours', () => new TypeError('odd')],
  ])('not after %s', async (_, error) => {
    const { dispatcher, call } = createBench();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a', { idempotent: true });
    worker.fail(error());
    await settle();
    expect(worker.tools).toEqual([]);
    expect(dispatcher.stats().retried).toBe(0);
  });

  test('not when the caller has given up, nor when its time is over', async () => {
    const { dispatcher, call, clock } = createBench();
    const controller = new AbortController();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a', { idempotent: true, signal: controller.signal });
    controller.abort();
    worker.die(crashed());
    await settle();
    call('b', { idempotent: true, timeoutMs: 100 });
    await clock.advance(100);
    worker.die(crashed());
    await settle();
    expect(dispatcher.stats()).toMatchObject({ retried: 0, failed: 1, cancelled: 1 });
  });

  test('a call that waits again can be cancelled and has its own limit', async () => {
    const { dispatcher, call, clock, outcomes } = createBench();
    const controller = new AbortController();
    for (const [tool, options] of [
      ['a', { signal: controller.signal }],
      ['b', { timeoutMs: 300 }],
    ] as const) {
      const worker = new ScriptedWorker('w1');
      dispatcher.admit(worker);
      call(tool, { idempotent: true, ...options });
      dispatcher.withdraw(worker);
      worker.fail(crashed());
      await settle();
    }
    expect(dispatcher.stats()).toMatchObject({ queued: 2, retried: 2 });
    controller.abort();
    await clock.advance(300);
    expect(outcomes).toEqual({ a: 'CANCELLED', b: 'TIMEOUT' });
    expect(clock.pending).toBe(0);
  });
});

describe('the end', () => {
  test('[R6.1] it takes no more calls, finishes those taken, then says so', async () => {
    const { dispatcher, call, outcomes } = createBench();
    let idle = 0;
    dispatcher.whenIdle(() => {
      idle += 1;
    });
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('a');
    call('b');
    dispatcher.stopAccepting();
    expect((await errorOf(dispatcher.execute(anyCall))).code).toBe('SHUTTING_DOWN');
    worker.answer();
    await settle();
    expect(idle).toBe(0);
    worker.answer();
    await settle();
    expect(idle).toBe(1);
    expect(outcomes).toEqual({ a: 'done', b: 'done' });
  });

  test('with nothing to do it says so at once; only the last listener hears it', () => {
    const { dispatcher } = createBench();
    const heard: string[] = [];
    dispatcher.whenIdle(() => heard.push('first'));
    dispatcher.whenIdle(() => heard.push('second'));
    dispatcher.stopAccepting();
    expect(heard).toEqual(['second']);
  });

  test.each(['cancelled', 'timed out', 'failed'])(
    'it is idle when the last call is %s',
    async (how) => {
      const { dispatcher, call, clock } = createBench();
      const controller = new AbortController();
      let isIdle = false;
      dispatcher.whenIdle(() => {
        isIdle = true;
      });
      call('a', { signal: controller.signal });
      dispatcher.stopAccepting();
      expect(isIdle).toBe(false);
      if (how === 'cancelled') controller.abort();
      else if (how === 'failed') dispatcher.fail(unreachable(false));
      else await clock.advance(1_000);
      expect(isIdle).toBe(true);
    },
  );

  test('fail() fails what waits and what comes; what is in flight goes on', async () => {
    const { dispatcher, call, outcomes, clock } = createBench();
    const worker = new ScriptedWorker('w1');
    dispatcher.admit(worker);
    call('running', { idempotent: true });
    call('waiting');
    dispatcher.withdraw(worker);
    dispatcher.fail(bridgeError('SHUTTING_DOWN', { pool: 'p' }));
    call('late');
    await settle();
    expect(outcomes).toEqual({ waiting: 'SHUTTING_DOWN', late: 'SHUTTING_DOWN' });
    worker.fail(crashed());
    await settle();
    expect(outcomes['running']).toBe('WORKER_CRASHED');
    expect(dispatcher.stats()).toMatchObject({ accepted: 2, failed: 2, refused: 1, retried: 0 });
    expect(clock.pending).toBe(0);
  });

  test('a worker that is ready after all, or a new life of the pool, opens it again', async () => {
    const { dispatcher, call } = createBench();
    const worker = new ScriptedWorker('w1');
    dispatcher.fail(unreachable(false));
    dispatcher.admit(worker);
    call('a');
    expect(worker.tools).toEqual(['a']);
    dispatcher.stopAccepting();
    dispatcher.fail(unreachable(false));
    dispatcher.accept();
    call('b');
    worker.answer();
    await settle();
    expect(worker.tools).toEqual(['b']);
  });
});
