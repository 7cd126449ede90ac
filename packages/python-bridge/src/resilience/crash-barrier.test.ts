import { describe, expect, test } from '@jest/globals';
import { createTestClock } from '@snakepit/core';
import { bridgeError } from '../errors.ts';
import { fingerprintOf } from './call-fingerprint.ts';
import { createCrashBarrier, type Request } from './crash-barrier.ts';

function request(argument: number, tool = 't'): Request {
  return { tool, arguments: { json: { n: String(argument) }, attachments: [], binary: {} } };
}

function bench(maxDeaths = 2) {
  const clock = createTestClock();
  const settings = { maxDeaths, rememberMs: 1_000 };
  let laterMs = 0;
  // The clock of a system goes on while it is looked at.
  const now = (): number => clock.now() + (laterMs += 1e-6);
  const barrier = createCrashBarrier({ pool: 'p', clock: { ...clock, now }, settings });
  let osPid = 100;
  /** A worker that was executing these dies. */
  const die = (
    requests: readonly Request[],
    failure = 'nativeCrash',
    death: Partial<Record<'osPid' | 'exitCode' | 'abandoned', number | undefined>> = {},
  ): void => {
    osPid += 1;
    const ids = { pool: 'p', worker: 'w1', osPid };
    for (const one of requests) {
      const known = { ...ids, tool: one.tool, reason: 'it crashed', failure };
      const details = { ...known, ...death } as never;
      barrier.ended(one, bridgeError('WORKER_CRASHED', details));
    }
  };
  const isRefused = (one: Request): boolean => barrier.refusal(one) !== undefined;
  return { clock, barrier, die, isRefused };
}

describe('a request that was alone', () => {
  test('[I5.9] is refused after two deaths, with both as evidence', () => {
    const { barrier, die, isRefused } = bench();
    die([request(1)]);
    expect(isRefused(request(1))).toBe(false);
    die([request(1)]);
    const error = barrier.refusal(request(1)) as Error & { details: object };
    expect(error).toMatchObject({
      code: 'POISON_REQUEST',
      details: {
        tool: 't',
        retryAfterMs: 1_000,
        deaths: [
          { worker: 'w1', osPid: 101, reason: 'it crashed', others: 0 },
          { worker: 'w1', osPid: 102, reason: 'it crashed', others: 0 },
        ],
      },
      cause: { code: 'WORKER_CRASHED' },
    });
    expect(error.message).toContain('worker "w1" (process 102): it crashed');
    expect([request(2), request(1, 'other')].map(isRefused)).toEqual([false, false]);
  });

  test('[I5.9] is taken again when its deaths are forgotten', async () => {
    const { die, isRefused, clock } = bench();
    die([request(1)]);
    await clock.advance(600);
    die([request(1)]);
    expect(isRefused(request(1))).toBe(true);
    await clock.advance(400);
    expect(isRefused(request(1))).toBe(false);
    die([request(1)]);
    expect(isRefused(request(1))).toBe(true);
  });

  test('[I5.9] an answer clears it, an exception of the tool too; a timeout says nothing', () => {
    const { barrier, die, isRefused } = bench();
    const exception = bridgeError('PYTHON_EXCEPTION', {
      ...{ type: 'ValueError', module: 'builtins', message: 'no', traceback: '' },
    });
    for (const answer of [undefined, exception]) {
      die([request(1)]);
      barrier.ended(request(1), answer);
      die([request(1)]);
      expect(isRefused(request(1))).toBe(false);
      barrier.ended(request(1), undefined);
    }
    die([request(1)]);
    const late = { operation: 'it', timeoutMs: 1, option: 'x' };
    barrier.ended(request(1), bridgeError('TIMEOUT', late));
    die([request(1)]);
    expect(isRefused(request(1))).toBe(true);
  });

  test('[I5.9] a signal from outside, and the end of a worker that was stuck, accuse nobody', () => {
    const { die, isRefused } = bench();
    for (let i = 0; i < 5; i++) die([request(1)], i % 2 === 0 ? 'killed' : 'timeout');
    for (const exitCode of [0, 70, 0]) die([request(1)], 'exited', { exitCode });
    expect(isRefused(request(1))).toBe(false);
    for (let i = 0; i < 2; i++) die([request(1)], 'exited', { exitCode: 1 });
    expect(isRefused(request(1))).toBe(true);
  });
});

describe('requests that were executed together', () => {
  test('[I5.9] share the blame: two deaths accuse neither', () => {
    const { die, isRefused } = bench();
    die([request(1), request(2)]);
    die([request(1), request(2)]);
    expect([request(1), request(2)].map(isRefused)).toEqual([false, false]);
  });

  test('[I5.9] share the blame also when nobody knows the number of the process', async () => {
    const { die, isRefused, clock } = bench();
    for (let i = 0; i < 2; i++) {
      die([request(1), request(2)], 'nativeCrash', { osPid: undefined });
      await clock.advance(400);
    }
    expect([request(1), request(2)].map(isRefused)).toEqual([false, false]);
  });

  test('[I5.9] with calls that were given up and went on, too; those are not accused themselves', () => {
    const { barrier, die, isRefused } = bench();
    for (let i = 0; i < 3; i++) {
      die([request(1)], 'nativeCrash', { abandoned: 1 });
      expect(isRefused(request(1))).toBe(false);
    }
    die([request(1)]);
    const others = { details: { deaths: [{ others: 1 }, {}, {}, { others: 0 }] } };
    expect(barrier.refusal(request(1))).toMatchObject(others);
  });

  test('[I5.9] what is answered later takes its share of blame to the others', () => {
    const { barrier, die, isRefused } = bench();
    die([request(1), request(2), request(3)]);
    die([request(1), request(4)]);
    expect(isRefused(request(1))).toBe(false);
    for (const innocent of [2, 3, 4]) barrier.ended(request(innocent), undefined);
    expect(isRefused(request(1))).toBe(true);
    expect([2, 3, 4].map((n) => isRefused(request(n)))).toEqual([false, false, false]);
  });

  test('[I5.9] a long innocent call that is there when others kill its workers is not accused soon', () => {
    const { die, isRefused } = bench();
    for (const poison of [10, 11, 12]) {
      die([request(1), request(poison)]);
      expect(isRefused(request(1))).toBe(false);
    }
    // The fourth time it is the only one that was always there.
    die([request(1), request(13)]);
    expect(isRefused(request(1))).toBe(true);
  });
});

test('[I5.9] it is bounded: of many suspects the oldest are forgotten', () => {
  const { die, isRefused } = bench(1);
  for (let n = 0; n < 1_500; n++) die([request(n)]);
  expect([isRefused(request(0)), isRefused(request(499)), isRefused(request(1_499))]).toEqual([
    ...[false, false, true],
  ]);
});

test('[I5.9] a fingerprint tells arguments apart, whatever their order, and is not taken of giants', () => {
  const of = (json: Record<string, string>, binary: Record<string, Uint8Array> = {}) =>
    fingerprintOf('t', { json, attachments: [], binary });
  expect(of({ a: '1', b: '2' })).toBe(of({ b: '2', a: '1' }));
  const all = [
    of({ a: '1', b: '2' }),
    of({ a: '12', b: '' }),
    of({ a: '1' }, { b: Buffer.from('2') }),
    of({ ab: '1', '': '2' }),
  ];
  expect(new Set(all).size).toBe(4);
  expect(of({}, { a: Buffer.alloc(16 * 1024 * 1024 + 1) })).toBeUndefined();
});
