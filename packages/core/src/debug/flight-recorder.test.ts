import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createSystem, defineServer, noreply, ok, reply, silentLogger } from '../index.ts';
import { CallMessage, CastMessage } from '../process/messages.ts';
import { FlightRecorder } from './flight-recorder.ts';

const from = { pid: undefined, resolve: () => undefined, reject: () => undefined };

describe('FlightRecorder', () => {
  test('keeps the last events, oldest first, whatever came before', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.nat(3)), (size, messages) => {
        const recorder = new FlightRecorder(size);
        messages.forEach((kind, at) => {
          const type = `message ${String(at)}`;
          if (kind === 0) recorder.noteMessage(new CallMessage({ type }, from), at);
          if (kind === 1) recorder.noteMessage(new CastMessage({ type }), at);
          if (kind === 2) recorder.noteMessage({ type }, at);
          if (kind === 3) recorder.noteContinue({ type }, at);
        });
        const expected = messages.map((kind, at) => ({
          kind: ['call', 'cast', 'info', 'continue'][kind],
          type: `message ${String(at)}`,
          agoMs: 100 - at,
        }));
        expect(recorder.read(100)).toEqual(expected.slice(-size));
      }),
    );
  });

  test('tells how long ago also after weeks', () => {
    const recorder = new FlightRecorder(2);
    const weeksMs = 2 ** 29 - 3;
    recorder.noteMessage('before', weeksMs);
    recorder.noteMessage('after', weeksMs + 7);
    expect(recorder.read(weeksMs + 9).map(({ agoMs }) => agoMs)).toEqual([9, 2]);
  });

  test.each<[unknown, string]>([
    ['text', 'string'],
    [null, 'null'],
    [undefined, 'undefined'],
    [12, 'number'],
    [[], 'object'],
    [{ type: 7 }, 'object'],
    [Object.create(null), 'object'],
  ])('calls %j, which has no type, by what it is: %s', (message, type) => {
    const recorder = new FlightRecorder(1);
    recorder.noteMessage(message, 0);
    expect(recorder.read(0)).toEqual([{ kind: 'info', type, agoMs: 0 }]);
  });
});

describe('the last messages of a process', () => {
  const server = defineServer({
    init: () => ok(0, { continue: { type: 'warm up' } }),
    continue: (n) => noreply(n),
    call: { get: (n) => reply(n, n) },
    cast: { set: (_n, to: number) => noreply(to) },
    info: (n) => noreply(n),
  });

  async function play(flightRecorder?: number) {
    const system = createSystem({
      logger: silentLogger,
      ...(flightRecorder === undefined ? {} : { flightRecorder }),
    });
    const ref = await system.start(server);
    for (let n = 0; n < 20; n++) ref.cast.set(n);
    system.send(ref.pid, { type: 'news' });
    await ref.call.get();
    return system.processInfo(ref.pid)?.recent ?? [];
  }

  test('are 16 unless told otherwise, and told by their names', async () => {
    const recent = await play();
    expect(recent).toHaveLength(16);
    expect(recent.slice(-3)).toEqual([
      { kind: 'cast', type: 'set', agoMs: expect.any(Number) },
      { kind: 'info', type: 'news', agoMs: expect.any(Number) },
      { kind: 'call', type: 'get', agoMs: expect.any(Number) },
    ]);
    expect((await play(100)).slice(0, 2).map(({ kind, type }) => [kind, type])).toEqual([
      ['continue', 'warm up'],
      ['cast', 'set'],
    ]);
  });

  test('are none when the recorder is switched off', async () => {
    expect(await play(0)).toEqual([]);
  });

  test('keep no message alive', async () => {
    const system = createSystem({ logger: silentLogger });
    const ref = await system.start(server);
    const messages = Array.from({ length: 5 }, () => ({ type: 'news', payload: {} }));
    for (const message of messages) system.send(ref.pid, message);
    await ref.call.get();
    const recorded = JSON.stringify(system.processInfo(ref.pid)?.recent);
    expect(recorded).toContain('news');
    expect(recorded).not.toContain('payload');
  });

  test.each([-1, 1.5, Number.NaN, Infinity, '16'])('refuses a size of %p', (size) => {
    expect(() => createSystem({ flightRecorder: size as number })).toThrow(
      expect.objectContaining({
        code: 'INVALID_ARGUMENT',
        details: expect.objectContaining({ argument: 'the option flightRecorder', value: size }),
      }),
    );
  });
});
