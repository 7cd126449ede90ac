import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Session, Snakepit } from '@snakepit/python-bridge';
import { callPaths, poolOf } from '../fixtures/call-paths.ts';
import { SnakepitBench, errorOf, until } from '../fixtures/snakepit-bench.ts';

jest.setTimeout(120_000);

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

const startAny = (pool: object = {}): Promise<Snakepit> =>
  bench.start({ adapter: 'streams.Streams', size: 2, ...pool });

interface Seen {
  readonly pid: number;
  readonly session: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** Two calls at once: where each ran. */
async function twoAtOnce(session: Session): Promise<number[]> {
  const args = { seconds: 0.2 };
  return Promise.all([
    session.execute<number>('slow', args),
    session.execute<number>('slow', args),
  ]);
}

describe.each(callPaths)('session() in %s', (path) => {
  const start = (pool: object = {}): Promise<Snakepit> => startAny({ ...poolOf(path), ...pool });

  test('[I5.3] its id and metadata reach the tool, on every worker, also in streams', async () => {
    const snakepit = await start();
    const session = snakepit.session('user-42', { metadata: { locale: 'de' } });
    const seen = await Promise.all([
      session.execute<Seen>('who'),
      session.execute<Seen>('who'),
      snakepit.session('user-42').execute<Seen>('who'),
    ]);
    for (const { session: id, metadata } of seen) {
      expect([id, metadata]).toEqual(['user-42', { locale: 'de' }]);
    }
    expect(await snakepit.execute<Seen>('who')).toMatchObject({ session: '', metadata: {} });
    const numbers: number[] = [];
    for await (const number of session.stream<number>('count', { to: 3 })) numbers.push(number);
    expect(numbers).toEqual([0, 1, 2]);
    await session.end();
    await session.end();
    expect((await errorOf(session.execute('who'))).code).toBe('SESSION_ENDED');
    expect((await errorOf(session.stream('count', { to: 1 }).next())).code).toBe('SESSION_ENDED');
    expect(bench.reports).toEqual([]);
  });

  test('[I5.3] a hint prefers a worker, and does not wait for it', async () => {
    const snakepit = await start();
    const session = snakepit.session('s');
    const pids: number[] = [];
    for (let call = 0; call < 4; call++) pids.push(await session.execute<number>('pid'));
    expect(new Set(pids).size).toBe(1);
    expect(new Set(await twoAtOnce(session)).size).toBe(2);
  });

  test('[I5.3] strictQueue: the first two calls at once already go to one worker, one after the other', async () => {
    const snakepit = await start();
    const session = snakepit.session('s', { affinity: 'strictQueue' });
    expect(new Set(await twoAtOnce(session)).size).toBe(1);
    // Others are not held up.
    expect(snakepit.stats()).toMatchObject({ succeeded: 2, queued: 0 });
  });

  test('[I5.3] strictFailFast: a call that cannot begin at once fails', async () => {
    const snakepit = await start();
    const session = snakepit.session('s', { affinity: 'strictFailFast' });
    const first = session.execute('slow', { seconds: 0.3 });
    const error = await errorOf(session.execute('pid'));
    expect(error).toMatchObject({ code: 'WORKER_BUSY', details: { session: 's' } });
    await first;
    expect(await session.execute('pid')).toEqual(expect.any(Number));
  });

  test('[I5.3] a strict session whose worker died is lost, and can be begun anew', async () => {
    const snakepit = await start();
    const session = snakepit.session('s', { affinity: 'strictQueue' });
    const pid = await session.execute<number>('pid');
    const cut = session.execute('slow', { seconds: 30 });
    const waiting = session.execute('pid');
    process.kill(pid, 'SIGKILL');
    expect((await errorOf(cut)).code).toBe('WORKER_CRASHED');
    expect((await errorOf(waiting)).code).toBe('SESSION_LOST');
    const error = await errorOf(session.execute('pid'));
    expect(error).toMatchObject({
      code: 'SESSION_LOST',
      details: { session: 's', pool: 'default' },
    });
    expect(error.remedy).toContain('snakepit.session(id)');
    const anew = snakepit.session('s', { affinity: 'strictQueue' });
    expect(await anew.execute('pid')).not.toBe(pid);
    expect((await errorOf(session.execute('pid'))).code).toBe('SESSION_ENDED');
  });

  test('[I5.3] or goes on with another worker, if it was made so', async () => {
    const snakepit = await start();
    const session = snakepit.session('s', { affinity: 'strictQueue', onWorkerLost: 'fresh' });
    const pid = await session.execute<number>('pid');
    const cut = session.execute('slow', { seconds: 30 });
    const waiting = session.execute<Seen>('who');
    process.kill(pid, 'SIGKILL');
    expect((await errorOf(cut)).code).toBe('WORKER_CRASHED');
    const next = await waiting;
    expect([next.pid === pid, next.session]).toEqual([false, 's']);
    expect(new Set(await twoAtOnce(session))).toEqual(new Set([next.pid]));
  });

  test('[I5.3] one that nobody uses ends after its time to live; one that is used does not', async () => {
    const snakepit = await start();
    const idle = snakepit.session('idle', { ttl: 300 });
    await idle.execute('pid');
    const busy = snakepit.session('busy', { ttl: 300 });
    await busy.execute('slow', { seconds: 1.5 });
    expect(await busy.execute('pid')).toEqual(expect.any(Number));
    const error = await errorOf(idle.execute('pid'));
    expect(error.message).toContain('it was not used for its time to live (300 ms)');
    expect(await snakepit.session('idle').execute('pid')).toEqual(expect.any(Number));
  });

  test('[I5.3] ended at once it still finishes the calls that were made before', async () => {
    const snakepit = await start();
    const session = snakepit.session('s');
    const made = session.execute<Seen>('who');
    const read = session.stream<number>('count', { to: 1 }).next();
    const ended = session.end();
    const late = errorOf(session.execute('who'));
    const anew = snakepit.session('s', { affinity: 'strictQueue', metadata: { of: 'the next' } });
    const next = anew.execute<Seen>('who');
    expect((await made).session).toBe('s');
    expect(await read).toEqual({ done: false, value: 0 });
    expect((await late).message).toContain('it was ended');
    expect((await next).metadata).toEqual({ of: 'the next' });
    await ended;
    expect((await anew.execute<Seen>('who')).metadata).toEqual({ of: 'the next' });
  });

  test('[I5.3] the id of one that has outlived its time to live is free at once', async () => {
    const snakepit = await start();
    const first = snakepit.session('s', { ttl: 20 });
    await first.execute('pid');
    await new Promise((resolve) => setTimeout(resolve, 60));
    const second = snakepit.session('s', { affinity: 'strictQueue' });
    expect((await second.execute<Seen>('who')).session).toBe('s');
    expect((await errorOf(first.execute('pid'))).code).toBe('SESSION_ENDED');
  });

  test('[I5.3] a call that came in time is served, however long its session took to begin', async () => {
    const snakepit = await start();
    const call = snakepit.session('s', { ttl: 20 }).execute<number>('pid');
    // Nobody else runs meanwhile, the store of sessions included.
    const until = performance.now() + 60;
    while (performance.now() < until);
    expect(await call).toBeGreaterThan(0);
  });

  test('[I5.3] its Node tools, and what the store knows of it, end with it', async () => {
    const snakepit = await start();
    const count = (): Promise<number> =>
      snakepit.system.call('snakepit.sessions', { type: 'count', arg: undefined });
    const sessions = ['a', 'b', 'c'].map((id) => snakepit.session(id));
    await Promise.all(sessions.map((session) => session.execute('pid')));
    expect(await count()).toBe(3);
    await Promise.all(sessions.map((session) => session.end()));
    expect(await count()).toBe(0);
  });

  test('[I5.3] the store fails and is started again: sessions go on', async () => {
    const snakepit = await start();
    const session = snakepit.session('s', { metadata: { a: '1' } });
    await session.execute('pid');
    const { system } = snakepit;
    const old = system.whereis('snakepit.sessions');
    if (old === undefined) throw new Error('no session store');
    system.exit(old, { kind: 'kill' } as never);
    await until(
      () => ![undefined, old].includes(system.whereis('snakepit.sessions')),
      'a new store',
    );
    expect(await system.call('snakepit.sessions', { type: 'get', arg: 's' })).toMatchObject({
      id: 's',
    });
    expect(await session.execute<Seen>('who')).toMatchObject({
      session: 's',
      metadata: { a: '1' },
    });
    await session.end();
  });
});

test('[I5.3] one session more than can live is told so, and may begin when another has ended', async () => {
  const snakepit = await startAny({ size: 1 });
  const sessions = Array.from({ length: 10_000 }, (_, i) => snakepit.session(String(i)));
  const waiting = errorOf(snakepit.session('one more').execute('pid'));
  expect(await waiting).toMatchObject({ code: 'SESSION_LIMIT', details: { maxSessions: 10_000 } });
  const stream = snakepit.session('one more').stream('count', { to: 1 });
  expect((await errorOf(stream.next())).code).toBe('SESSION_LIMIT');
  expect(snakepit.stats()).toMatchObject({ accepted: 0, queued: 0 });
  await sessions[7]?.end();
  expect(await snakepit.session('one more').execute('pid')).toEqual(expect.any(Number));
});

describe('pool()', () => {
  test.each([
    ['', {}, /is "", which names no session/],
    ['s', { affinity: 'sticky' }, /options.affinity is "sticky", not "hint" or "strictQueue"/],
    ['s', { afinity: 'hint' }, /options.afinity is no option here.*\n.*"affinity"/],
    [
      's',
      { metadata: { a: 1 } },
      /options.metadata is an object, not an object of at most 32 texts/,
    ],
    ['s', { ttl: 0 }, /options.ttl is 0, not a number of milliseconds above 0/],
    ['s', { pool: 'gpu' }, /there is no pool "gpu"/],
  ])('session(%j, %j) is refused', async (id, options, message) => {
    const snakepit = await startAny({ size: 1 });
    expect(() => snakepit.session(id, options as never)).toThrow(message);
    snakepit.session('s', { affinity: 'strictQueue' });
    expect(() => snakepit.session('s', { affinity: 'hint' })).toThrow(/lives with "strictQueue"/);
  });

  test('[I5.1] several pools, each with its own calls, sessions and counts', async () => {
    const adapter = 'streams.Streams';
    const snakepit = await bench.startAll([
      { name: 'a', adapter },
      { name: 'b', adapter },
    ]);
    const [a, b] = [snakepit.pool('a'), snakepit.pool('b')];
    const pids = await Promise.all([a.execute<number>('pid'), b.execute<number>('pid')]);
    expect(new Set(pids).size).toBe(2);
    expect(await snakepit.execute('pid', {}, { pool: 'b' })).toBe(pids[1]);
    const session = b.session('s', { affinity: 'strictQueue' });
    expect(await session.execute('pid')).toBe(pids[1]);
    expect(await a.session('s').execute('pid')).toBe(pids[0]);
    for await (const number of b.stream<number>('count', { to: 1 })) expect(number).toBe(0);
    expect([a.stats().succeeded, b.stats().succeeded]).toEqual([2, 4]);
    expect(b.workers()).toMatchObject([{ pool: 'b', osPid: pids[1] }]);
    expect(() => a.session('s', { pool: 'b' } as never)).toThrow('options.pool is no option here');
    await b.restartWorker('b_worker_1');
    expect(await b.execute('pid')).not.toBe(pids[1]);
    await expect(b.restartWorker('a_worker_1')).rejects.toThrow('no worker of pool "b"');
    expect(() => snakepit.pool('c')).toThrow('there is no pool "c"; there are "a", "b"');
  });

  test.each([
    [{ timeOut: 5 }, /options.timeOut is no option here.*\n.*did you mean "timeout"\?/],
    [{ timeout: '5s' }, /options.timeout is "5s", not a number of milliseconds above 0/],
    [{ priority: 'urgent' }, /options.priority is "urgent", not "high" or "normal" or "low"/],
    [{ idempotent: 'yes' }, /options.idempotent is "yes", not true or false/],
    [{ signal: 'stop' }, /options.signal is "stop", not an AbortSignal/],
    [{ signal: { aborted: false } }, /options.signal is an object, not an AbortSignal/],
    [{ highWaterMark: 4 }, /options.highWaterMark is no option here/],
    [null, /options is null, not an object/],
  ])('[I5.1] execute() refuses %j', async (options, message) => {
    const snakepit = await startAny({ size: 1 });
    await expect(snakepit.execute('pid', {}, options as never)).rejects.toThrow(message);
    await expect(snakepit.execute(5 as never)).rejects.toThrow('the name of the tool is 5');
    await expect(snakepit.execute('pid', null as never)).rejects.toThrow('args is null');
    expect(snakepit.stats().accepted).toBe(0);
    expect(() => snakepit.stream('count', {}, { highWaterMark: 0 })).toThrow(
      'options.highWaterMark is 0, not a whole number from 1 to 10000',
    );
  });
});
