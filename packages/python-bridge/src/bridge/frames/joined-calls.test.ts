import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { bridgeError } from '../../errors.ts';
import type { ToolCall } from '../call-path.ts';
import { encodeArguments } from '../codec.ts';
import { createBench, failure, json, turn, type FramesBench } from './frames-bench.fixture.ts';
import { id, map, text } from './frames-codec.fixture.ts';
import { JoinedCalls } from './joined-calls.ts';

/** A client of a worker that has said hello, with these features. */
async function greeted(...features: string[]): Promise<FramesBench> {
  const bench = createBench();
  bench.peer.say({ hello: { features: ['frames', ...features] } });
  await bench.client.connected({ deadlineMs: 1 });
  return bench;
}

/** The frames that came: of joined calls what they are, of others their kind. */
function heard({ peer }: FramesBench): unknown[] {
  return peer.frames.map(({ kind, calls }) =>
    calls === undefined ? kind : (JSON.parse(calls.toString()) as unknown),
  );
}

const results = (...items: unknown[]): { results: Buffer } => ({
  results: Buffer.from(JSON.stringify(items)),
});

describe('small calls', () => {
  test('of one turn go in one frame, to a worker that takes them so', async () => {
    const bench = await greeted('joined');
    bench.begin({ tool: 'add', arguments: encodeArguments({ a: 1, b: 'ü\n' }) });
    bench.begin({ tool: 'add', session: 's', metadata: { trace: 't' } });
    bench.begin({ tool: 'other "name"', arguments: encodeArguments({ big: 2n ** 64n }) });
    await bench.peer.heard(1);
    expect(heard(bench)).toEqual([
      [
        ...[1, 'add', '', 1000, null, { a: 1, b: 'ü\n' }],
        ...[2, 'add', 's', 1000, { trace: 't' }, {}],
        ...[
          3,
          'other "name"',
          '',
          1000,
          null,
          { big: { __snakepit__: 'int', hex: '1' + '0'.repeat(16) } },
        ],
      ],
    ]);
    expect(bench.peer.frames[0]?.call).toBe(0);
  });

  test('go each in a frame of its own to a worker that says nothing of it, and before it has said hello', async () => {
    const bench = createBench();
    bench.begin();
    await turn();
    bench.peer.say({ hello: { features: ['frames', 'more'] } });
    await bench.client.connected({ deadlineMs: 1 });
    bench.begin();
    await bench.peer.heard(2);
    expect(heard(bench)).toEqual(['open', 'open']);
  });

  test('keep their order among other frames', async () => {
    const bench = await greeted('joined');
    const { begin, client } = bench;
    const one = begin();
    begin();
    one.running.cancel(bridgeError('CANCELLED', {}));
    begin();
    client.openSession('s', {});
    begin({ session: 's' });
    begin({ arguments: encodeArguments({ data: Buffer.from('bytes') }) });
    begin();
    client.closeSession('s');
    await bench.peer.heard(8);
    const kinds = heard(bench).map((frame) =>
      Array.isArray(frame) ? frame.filter((_, at) => at % 6 === 0) : frame,
    );
    expect(kinds).toEqual([
      [1, 2],
      'cancel',
      [3],
      'open_session',
      [4],
      'open',
      [6],
      'close_session',
    ]);
    expect(bench.peer.batches).toEqual([8]);
  });

  test.each<[string, Partial<ToolCall>]>([
    ['brings bytes', { arguments: encodeArguments({ data: Buffer.from('x') }) }],
    ['brings bytes in a value', { arguments: encodeArguments({ data: [Buffer.from('x')] }) }],
    ['is a stream', { stream: { credit: 1 } }],
    ['is long', { arguments: encodeArguments({ text: 'x'.repeat(33_000) }) }],
  ])('are not joined: one that %s', async (_, call) => {
    const bench = await greeted('joined');
    bench.begin(call);
    await bench.peer.heard(1);
    expect(heard(bench)).toEqual(['open']);
  });

  test('the first ones of many leave before the turn is over', async () => {
    const bench = await greeted('joined');
    for (let count = 0; count < 80; count++) bench.begin();
    await turn();
    expect(heard(bench).map((calls) => (calls as unknown[]).length / 6)).toEqual([32, 32, 16]);
    expect(bench.peer.batches).toEqual([1, 1, 1]);
    for (let count = 0; count < 32; count++) bench.begin();
    await turn();
    expect(bench.peer.frames).toHaveLength(4);
  });

  test('long ones are joined to a limit', async () => {
    const bench = await greeted('joined');
    for (let count = 0; count < 7; count++) {
      bench.begin({ arguments: encodeArguments({ text: 'x'.repeat(30_000) }) });
    }
    await turn();
    expect(heard(bench).map((calls) => (calls as unknown[]).length / 6)).toEqual([3, 3, 1]);
  });

  test('when the stream is lost, those that have not left were not executed', async () => {
    const bench = await greeted('joined');
    const calls = Array.from({ length: 34 }, () => bench.begin());
    bench.peer.break();
    const errors = await Promise.all(calls.map(({ outcome }) => failure(outcome)));
    expect(errors.map(({ details }) => details['maybeExecuted'])).toEqual([
      ...Array.from({ length: 32 }, () => true),
      ...[false, false],
    ]);
    await turn();
    for (const { events } of calls) expect(events).toEqual(['settled', 'released']);
  });

  test('are, as JSON, what they were: any name, session, metadata, time', () => {
    const call = fc.record({
      // Often as the one before.
      tool: fc.oneof(fc.constant('f'), text),
      session: fc.option(text, { nil: undefined, freq: 2 }),
      metadata: fc.option(map, { nil: undefined, freq: 2 }),
      arguments: fc.dictionary(
        text.filter((name) => !odd.includes(name)),
        fc.jsonValue().filter((value) => !JSON.stringify(value).includes('__proto__')),
      ),
    });
    const timeout = fc.oneof(
      fc.constant(Infinity),
      fc.double({ min: 0.1, max: 1e12, noNaN: true }),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(id, call, timeout), { minLength: 1 }), (all) => {
        const joined = new JoinedCalls();
        const meant = all.flatMap<unknown>(([number, made, timeoutMs]) => {
          const args = encodeArguments(made.arguments);
          expect(joined.add(number, { ...made, arguments: args }, timeoutMs)).toBe(true);
          const time = timeoutMs >= 2 ** 32 ? 0 : Math.max(1, Math.ceil(timeoutMs));
          const { tool, session = '', metadata = null } = made;
          const values = Object.entries(args.json).map(([name, value]) => [
            name,
            JSON.parse(value) as unknown,
          ]);
          return [number, tool, session, time, metadata, Object.fromEntries(values) as object];
        });
        expect(JSON.parse(joined.take())).toEqual(meant);
        expect(joined.length).toBe(0);
      }),
    );
  });
});

/** Names that arguments cannot have. */
const odd = ['', '__proto__', '__snakepit__'];

describe('joined results', () => {
  test('end calls in any order, however those went, and leave out those that nobody waits for', async () => {
    const bench = await greeted('joined');
    const small = bench.begin();
    const large = bench.begin({ arguments: encodeArguments({ data: Buffer.from('x') }) });
    const other = bench.begin();
    await bench.peer.heard(3);
    bench.peer.say(results(3, 10, { c: [1.5, null] }, 77, 1, 'nobody', 2, 12, 'second'));
    expect(await other.outcome).toEqual({ c: [1.5, null] });
    expect(await large.outcome).toBe('second');
    bench.peer.say({ call: 1, result: { value: json('alone') } }, results(1, 1, 'again'));
    expect(await small.outcome).toBe('alone');
    await turn();
    for (const { events } of [small, large, other]) expect(events).toEqual(['settled', 'released']);
    expect(bench.lost).toEqual([]);
  });

  test('[I5.5] bring what JSON lacks, and escapes', async () => {
    const bench = await greeted('joined');
    const calls = [bench.begin(), bench.begin(), bench.begin(), bench.begin()];
    const huge = { __snakepit__: 'int', hex: `-${'f'.repeat(40)}` };
    bench.peer.say(
      results(
        ...[1, 0, huge],
        ...[2, 0, { at: [{ __snakepit__: 'float', v: 'NaN' }] }],
        ...[3, 0, 'plain'],
      ),
    );
    bench.peer.say({ results: Buffer.from('[4,0,{"\\u00e9\\ud83d\\ude00":9007199254740993.0}]') });
    expect(await Promise.all(calls.map(({ outcome }) => outcome))).toEqual([
      -BigInt(`0x${'f'.repeat(40)}`),
      { at: [NaN] },
      'plain',
      { 'é😀': 9007199254740992 },
    ]);
  });

  test('a value that makes no sense fails its own call only', async () => {
    const bench = await greeted('joined');
    const calls = Array.from({ length: 4 }, () => bench.begin({ tool: 'f' }));
    bench.peer.say({
      results: Buffer.from(
        '[1,0,{"a":{"__snakepit__":"bytes","at":0}},2,0,{"__proto__":1},3,0,{"__snakepit__":"new"},4,0,{"b":1}]',
      ),
    });
    for (const { outcome } of calls.slice(0, 3)) {
      expect(await failure(outcome)).toMatchObject({
        code: 'PROTOCOL',
        details: { pool: 'p', worker: 'w1', tool: 'f' },
      });
    }
    expect(await calls[3]?.outcome).toEqual({ b: 1 });
    expect(bench.lost).toEqual([]);
  });

  test('of a call that was given up let go of it', async () => {
    const bench = await greeted('joined');
    const call = bench.begin();
    const cancelled = bridgeError('CANCELLED', {});
    call.running.cancel(cancelled);
    bench.peer.say(results(1, 5, 'late'));
    await call.letGo;
    await expect(call.outcome).rejects.toBe(cancelled);
  });

  test.each([
    ['no JSON', '[1,0,'],
    ['no array', '{"1":1}'],
    ['nothing', ''],
    ['a piece of a result', '[1,0,"a",2]'],
    ['of no number', '["1",0,"a"]'],
    ['of what cannot be one', '[{"toString":1,"valueOf":1},0,"a"]'],
    ['no UTF-8', Buffer.from([0x5b, 0x31, 0x2c, 0x30, 0x2c, 0x22, 0xff, 0x22, 0x5d])],
  ])('[I5.12] that are %s close the stream, and all know why', async (_, said) => {
    const bench = await greeted('joined');
    const call = bench.begin();
    bench.peer.say({ results: Buffer.from(said) });
    expect(await failure(call.outcome)).toMatchObject({
      code: 'WORKER_UNAVAILABLE',
      cause: { code: 'PROTOCOL' },
    });
    expect(bench.lost).toMatchObject([{ code: 'PROTOCOL' }]);
    expect(bench.peer.stream.destroyed).toBe(true);
  });
});
