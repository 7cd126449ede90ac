import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { ToolRequest } from '../bridge/tool-table.ts';
import { createNesting, maxDepth, nestedLimits } from './nesting.ts';

function request(more: Partial<ToolRequest> = {}): ToolRequest {
  return {
    tool: 'hash',
    session: '',
    correlationId: undefined,
    signal: new AbortController().signal,
    caller: undefined,
    depth: 1,
    timeoutMs: Infinity,
    ...more,
  };
}

describe('createNesting', () => {
  test('[I5.6] knows the call in what runs for it, at once and later, and nowhere else', async () => {
    const nesting = createNesting(() => 0);
    const seen: (string | undefined)[] = [];
    const note = (): number => seen.push(nesting.current()?.request.tool);
    note();
    const running = nesting.run(request({ tool: 'outer' }), async () => {
      note();
      await sleep(1);
      note();
      nesting.run(request({ tool: 'inner' }), note);
      note();
    });
    note();
    await running;
    note();
    expect(seen).toEqual([undefined, 'outer', undefined, 'outer', 'inner', 'outer', undefined]);
  });

  test('[I5.6] what goes on after the function has ended is nested no more', async () => {
    const nesting = createNesting(() => 0);
    const other = nesting.run(request({ tool: 'other' }), () => sleep(50));
    let late: unknown = 'not run';
    const detached = nesting.run(request(), () => ({
      work: sleep(5).then(() => {
        late = nesting.current();
      }),
    }));
    await detached.work;
    expect(late).toBeUndefined();
    await other;
    expect(() =>
      nesting.run(request(), () => {
        throw new RangeError('sync');
      }),
    ).toThrow('sync');
    expect(nesting.current()).toBeUndefined();
  });

  test('[I5.6] says what time is left', () => {
    let now = 1_000;
    const nesting = createNesting(() => now);
    nesting.run(request({ timeoutMs: 100 }), (outer) => {
      now += 30;
      expect(outer.remainingMs()).toBe(70);
      now += 100;
      expect(outer.remainingMs()).toBe(0);
    });
  });
});

describe('nestedLimits', () => {
  const outer = (more: Partial<ToolRequest>, leftMs: number) => ({
    request: request(more),
    remainingMs: () => leftMs,
  });

  test('[I5.6] a nested call has the time that its caller has left, or less', () => {
    expect(nestedLimits(outer({}, 500), 't', 1_000, undefined).timeoutMs).toBe(500);
    expect(nestedLimits(outer({}, 500), 't', 100, undefined).timeoutMs).toBe(100);
    expect(() => nestedLimits(outer({}, 0), 't', 100, undefined)).toThrow(
      'tool "t", called while "hash" was running for Python, did not finish within 0 ms',
    );
  });

  test('[I5.6] it is given up by its own signal, and when its caller gives up', () => {
    const [own, callers] = [new AbortController(), new AbortController()];
    const { signal } = nestedLimits(outer({ signal: callers.signal }, 5), 't', 5, own.signal);
    callers.abort(new Error('the caller gave up'));
    expect(signal.reason).toEqual(new Error('the caller gave up'));
    const other = nestedLimits(outer({}, 5), 't', 5, own.signal).signal;
    own.abort();
    expect(other.aborted).toBe(true);
  });

  test('[I5.6] depth is counted, and bounded with a clear error', () => {
    expect(nestedLimits(outer({ depth: 3 }, 5), 't', 5, undefined).metadata).toEqual({
      snakepit_depth: '3',
    });
    expect(() => nestedLimits(outer({ depth: maxDepth }, 5), 't', 5, undefined)).toThrow(
      `would be call ${maxDepth + 1} of Node and Python inside of each other; at most ${maxDepth} are allowed`,
    );
  });
});
