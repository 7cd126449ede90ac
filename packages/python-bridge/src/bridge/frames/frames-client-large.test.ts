import { describe, expect, test } from '@jest/globals';
import { bridgeError } from '../../errors.ts';
import { encodeArguments } from '../codec.ts';
import { createBench, failure, json, turn } from './frames-bench.fixture.ts';

describe('large values', () => {
  test('go in pieces, between which others speak, no faster than they are read', async () => {
    const { peer, begin } = createBench();
    const data = Buffer.alloc(3_000_000, 'abc');
    peer.pause();
    begin({ arguments: encodeArguments({ data }) });
    await turn();
    await turn();
    expect(peer.stream.writableLength).toBeLessThan(1_000_000);
    begin({ tool: 'small' });
    await turn();
    peer.resume();
    const frames = await peer.heard(14);
    const order = frames.map(({ open, piece }) => open?.tool ?? piece?.data.length);
    expect(order[0]).toBe('f');
    expect(order.indexOf('small')).toBeGreaterThan(1);
    expect(order.indexOf('small')).toBeLessThan(6);
    const sent = frames.flatMap(({ piece }) =>
      piece === null || piece === undefined ? [] : [piece.data],
    );
    expect(Math.max(...sent.map(({ length }) => length))).toBe(262_144);
    expect(Buffer.concat(sent).equals(data)).toBe(true);
    expect(frames[0]?.open?.binary_arguments).toEqual({ data: 0 });
  });

  test('of a call that is given up are not sent to the end', async () => {
    const { peer, begin } = createBench();
    peer.pause();
    const call = begin({ arguments: encodeArguments({ data: Buffer.alloc(9_000_000) }) });
    await turn();
    call.running.cancel(bridgeError('CANCELLED', {}));
    await turn();
    peer.resume();
    await turn();
    await peer.heard(4);
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(peer.frames.length).toBeLessThan(10);
    expect(peer.frames.at(-1)).toMatchObject({ cancel: { reason: 'cancelled' } });
  });

  test('[I5.5] of a call that the worker has refused are not sent to the end', async () => {
    const { peer, begin } = createBench();
    peer.pause();
    const call = begin({ arguments: encodeArguments({ data: Buffer.alloc(9_000_000) }) });
    await turn();
    peer.say({ call: 1, failure: { status: 8, details: 'too many calls' } });
    expect((await failure(call.outcome)).code).toBe('WORKER_BUSY');
    peer.resume();
    for (let turns = 0; turns < 50; turns++) await turn();
    expect(peer.frames.length).toBeLessThan(10);
  });

  test('[I5.2] that nobody waits for any more need not come: the call is over', async () => {
    const { peer, begin, lost } = createBench();
    const call = begin();
    const value = { json: Buffer.alloc(0), attachments: [{ size: 20 }] };
    peer.say({ call: 1, result: { value } }, { call: 1, piece: { data: Buffer.alloc(5) } });
    await peer.heard(1);
    await turn();
    call.running.cancel(bridgeError('CANCELLED', {}));
    expect(call.events).toEqual(['settled', 'released']);
    expect((await peer.heard(2))[1]).toMatchObject({ call: 1, cancel: { reason: 'cancelled' } });
    peer.say({ call: 1, piece: { data: Buffer.alloc(5) } });
    const next = begin();
    peer.say({ call: 2, result: { value: json('fine') } });
    expect(await next.outcome).toBe('fine');
    expect(lost).toEqual([]);
  });

  test('come in pieces, of several calls in turns', async () => {
    const { peer, begin } = createBench();
    const calls = [begin(), begin()];
    const halves = [Buffer.alloc(100, 'a'), Buffer.alloc(50, 'b')];
    const announced = { json: Buffer.alloc(0), attachments: [{ size: 150 }] };
    for (const call of [1, 2]) peer.say({ call, result: { value: announced } });
    for (const data of halves) {
      for (const call of [1, 2]) peer.say({ call, piece: { data } });
    }
    for (const { outcome } of calls) expect(await outcome).toEqual(Buffer.concat(halves));
  });

  test('[I5.5] beyond the limit fail their own call only', async () => {
    const { peer, begin, lost } = createBench(1_000);
    const calls = [begin(), begin({ stream: { credit: 1 } }), begin()];
    const data = { json: Buffer.alloc(0), attachments: [{ size: 1_001 }] };
    peer.say({ call: 1, result: { value: data } }, { call: 2, chunk: { value: data } });
    peer.say({ call: 1, piece: { data: Buffer.alloc(1_001) } });
    peer.say({ call: 3, result: { value: json('fine') } });
    for (const { outcome } of calls.slice(0, 2)) {
      expect(await failure(outcome)).toMatchObject({
        code: 'MESSAGE_TOO_LARGE',
        details: { what: 'result', limitBytes: 1_000 },
      });
    }
    expect(await calls[2]?.outcome).toBe('fine');
    const large = begin({ arguments: encodeArguments({ data: Buffer.alloc(1_001) }) });
    expect(await failure(large.outcome)).toMatchObject({ details: { what: 'arguments' } });
    expect(lost).toEqual([]);
    // The stream was given up; its worker says when it has let go.
    expect(peer.frames.at(-1)).toMatchObject({ call: 2, cancel: { reason: 'cancelled' } });
  });
});
