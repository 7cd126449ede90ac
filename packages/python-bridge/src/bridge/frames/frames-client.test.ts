import { describe, expect, test } from '@jest/globals';
import { bridgeError } from '../../errors.ts';
import { encodeArguments } from '../codec.ts';
import { createBench, failure, json, turn } from './frames-bench.fixture.ts';

describe('calls', () => {
  test('of one turn go in one message, and end in any order', async () => {
    const { peer, begin } = createBench();
    const calls = [begin({ tool: 'a' }), begin({ tool: 'b' }), begin({ tool: 'c' })];
    await peer.heard(3);
    expect(peer.batches).toEqual([3]);
    expect(peer.frames.map(({ call, open }) => [call, open?.tool])).toEqual([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ]);
    peer.say({ call: 3, result: { value: json('C') } }, { call: 1, result: { value: json('A') } });
    peer.say({ call: 2, failure: { status: 0, details: JSON.stringify(valueError) } });
    expect(await calls[0]?.outcome).toBe('A');
    expect(await calls[2]?.outcome).toBe('C');
    expect(await failure(calls[1]?.outcome ?? Promise.resolve())).toMatchObject({
      code: 'PYTHON_EXCEPTION',
      details: { pool: 'p', worker: 'w1', tool: 'b', type: 'ValueError' },
    });
    for (const { events } of calls) expect(events).toEqual(['settled', 'released']);
  });

  test.each([
    [5, JSON.stringify({ code: 'TOOL_NOT_FOUND', tool: 'f', available: ['g'] }), 'TOOL_NOT_FOUND'],
    [3, JSON.stringify({ message: 'missing' }), 'INVALID_ARGUMENT'],
    [8, 'too many', 'WORKER_BUSY'],
    [14, 'stopping', 'WORKER_UNAVAILABLE'],
    [99, 'odd', 'PROTOCOL'],
  ])('status %i is what it is for unary calls', async (status, details, code) => {
    const { peer, begin, lost } = createBench();
    const { outcome } = begin();
    peer.say({ call: 1, failure: { status, details } });
    expect((await failure(outcome)).code).toBe(code);
    expect(lost).toEqual([]);
  });

  test('[I5.2] a call that is given up is settled at once, and released by its last frame', async () => {
    const { peer, begin } = createBench();
    const timeout = bridgeError('TIMEOUT', { operation: 'f', timeoutMs: 1, option: 'x' });
    const cancelled = bridgeError('CANCELLED', {});
    const calls = [begin(), begin()];
    calls[0]?.running.cancel(timeout);
    calls[1]?.running.cancel(cancelled);
    calls[1]?.running.cancel(timeout);
    await expect(calls[0]?.outcome).rejects.toBe(timeout);
    await expect(calls[1]?.outcome).rejects.toBe(cancelled);
    const frames = await peer.heard(4);
    expect(frames.slice(2)).toMatchObject([
      { call: 1, cancel: { reason: 'deadline' } },
      { call: 2, cancel: { reason: 'cancelled' } },
    ]);
    peer.say({ call: 1, result: { value: json(1) } });
    await calls[0]?.letGo;
    expect(calls.map(({ events }) => events)).toEqual([['settled', 'released'], ['settled']]);
    peer.say({ call: 2, failure: { status: 1, details: 'cancelled' } });
    await calls[1]?.letGo;
  });

  test('what nobody asked is ignored', async () => {
    const { peer, begin, lost } = createBench();
    peer.say(
      { call: 77, result: { value: json(1) } },
      { call: 77, chunk: {} },
      { call: 77, piece: { data: Buffer.from('x') } },
      { call: 77, pong: {} },
    );
    const { outcome } = begin();
    peer.say({ call: 1, result: { value: json('mine') } });
    expect(await outcome).toBe('mine');
    expect(lost).toEqual([]);
  });
});

describe('streams', () => {
  test('[I5.4] give their chunks in order, and ask for more', async () => {
    const { peer, begin } = createBench();
    const stream = begin({ stream: { credit: 2 } });
    peer.say({ call: 1, chunk: { value: json('a') } }, { call: 1, chunk: { value: json('b') } });
    await peer.heard(1);
    expect(peer.frames[0]?.open).toMatchObject({ stream: true, credit: 2 });
    await turn();
    stream.running.grant(1);
    await peer.heard(2);
    expect(peer.frames[1]).toMatchObject({ call: 1, credit: 1 });
    peer.say({ call: 1, chunk: { value: json('c'), is_final: true } }, { call: 1, result: {} });
    expect(await stream.outcome).toBeUndefined();
    expect(stream.events).toEqual(['a', 'b', 'c', 'settled', 'released']);
  });

  test('nothing comes after they were given up', async () => {
    const { peer, begin } = createBench();
    const stream = begin({ stream: { credit: 5 } });
    stream.running.cancel(bridgeError('CANCELLED', {}));
    stream.running.grant(5);
    peer.say({ call: 1, chunk: { value: json('late') } }, { call: 1, failure: { status: 1 } });
    await stream.letGo;
    expect(stream.events).toEqual(['settled', 'released']);
    expect(peer.frames.some(({ kind }) => kind === 'credit')).toBe(false);
  });
});

describe('the stream itself', () => {
  test('is connected when the worker has said hello', async () => {
    const { clock, peer, client } = createBench();
    const late = failure(client.connected({ deadlineMs: 100 }));
    await clock.advance(100);
    expect(await late).toMatchObject({ code: 'TIMEOUT' });
    const connected = client.connected({ deadlineMs: 100 });
    peer.say({ hello: { features: ['frames'], max_calls: 10 } });
    await connected;
    await client.connected({ deadlineMs: 100 });
    expect(clock.pending).toBe(0);
  });

  test('carries pings and sessions, too', async () => {
    const { clock, peer, client } = createBench();
    const answer = client.ping({ deadlineMs: 100 });
    client.openSession('s', { user: 'me' });
    client.closeSession('s');
    expect(await peer.heard(3)).toMatchObject([
      { call: 1, ping: { message: 'ping' } },
      { open_session: { session_id: 's', metadata: { user: 'me' } } },
      { close_session: { session_id: 's' } },
    ]);
    peer.say({ call: 1, pong: { message: 'pong: ping', success: true } });
    expect(await answer).toMatchObject({ message: 'pong: ping', success: true });
    const late = failure(client.ping({ deadlineMs: 100 }));
    await clock.advance(100);
    expect(await late).toMatchObject({ code: 'TIMEOUT' });
    expect(clock.pending).toBe(0);
  });

  test.each(['break', 'end'] as const)('at its %s every call fails, once', async (how) => {
    const { clock, peer, client, begin, lost } = createBench();
    const calls = [begin(), begin({ stream: { credit: 1 } })];
    const ping = failure(client.ping({ deadlineMs: 100 }));
    await peer.heard(3);
    peer[how]();
    for (const { outcome } of calls) {
      expect(await failure(outcome)).toMatchObject({
        code: 'WORKER_UNAVAILABLE',
        details: { maybeExecuted: true },
      });
    }
    expect((await ping).code).toBe('WORKER_UNAVAILABLE');
    expect(await failure(begin().outcome)).toMatchObject({ details: { maybeExecuted: false } });
    expect(calls.map(({ events }) => events)).toEqual([
      ['settled', 'released'],
      ['settled', 'released'],
    ]);
    await turn();
    expect(lost).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test.each([0, 1])('what had not left whole was not executed (%d turns)', async (turns) => {
    const { peer, begin } = createBench();
    peer.pause();
    const call = begin({ arguments: encodeArguments({ data: Buffer.alloc(9_000_000) }) });
    for (let count = 0; count < turns; count++) await turn();
    peer.break();
    expect(await failure(call.outcome)).toMatchObject({ details: { maybeExecuted: false } });
  });

  test('what waits when others leave to make room for it was not executed', async () => {
    const { peer, begin } = createBench();
    const args = encodeArguments({ text: 'x'.repeat(40_000) });
    const calls = Array.from({ length: 16 }, () => begin({ arguments: args }));
    peer.break();
    const errors = await Promise.all(calls.map(({ outcome }) => failure(outcome)));
    const left = peer.frames.length;
    expect(left).toBeGreaterThan(0);
    expect(errors.map(({ details }) => details['maybeExecuted'])).toEqual(
      calls.map((_, at) => at < left),
    );
  });

  test.each([
    ['a piece that was not announced', { call: 1, piece: { data: Buffer.alloc(11) } }],
    ['a result between pieces', { call: 1, result: {} }],
    ['a chunk that was not granted', { call: 2, chunk: { value: json(1) } }],
    ['no frames at all', Buffer.from([0x0a, 0xff])],
  ])('[I5.12] %s closes it, and all know why', async (_, said) => {
    const { peer, begin, lost } = createBench();
    const calls = [begin(), begin({ stream: { credit: 0 } })];
    peer.say({ call: 1, result: { value: { attachments: [{ size: 10 }] } } });
    if (Buffer.isBuffer(said)) peer.sayRaw(said);
    else peer.say(said);
    for (const { outcome } of calls) {
      expect(await failure(outcome)).toMatchObject({
        code: 'WORKER_UNAVAILABLE',
        cause: { code: 'PROTOCOL' },
      });
    }
    expect(lost).toMatchObject([{ code: 'PROTOCOL' }]);
    expect(peer.stream.destroyed).toBe(true);
  });

  test('at its end a call that was just refused is told once', async () => {
    const { client, begin } = createBench(1_000);
    const large = begin({ arguments: encodeArguments({ data: Buffer.alloc(1_001) }) });
    client.close();
    await turn();
    expect(large.events).toEqual(['settled', 'released']);
  });

  test('closing it fails what is left, tells nobody, and can be done again', async () => {
    const { client, begin, lost } = createBench();
    const call = begin();
    client.close();
    client.close();
    client.openSession('s', {});
    client.closeSession('s');
    expect(await failure(call.outcome)).toMatchObject({ code: 'WORKER_UNAVAILABLE' });
    for (const asked of [client.ping(), client.connected({ deadlineMs: 1 })]) {
      expect(await failure(asked)).toMatchObject({
        details: { reason: 'the connection was closed', maybeExecuted: false },
      });
    }
    await turn();
    expect(lost).toEqual([]);
  });
});

const valueError = { type: 'ValueError', module: 'builtins', message: 'no', traceback: 'there' };
