import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { NodeTracerProvider, type SpanProcessor } from '@opentelemetry/sdk-trace-node';
import type { Snakepit } from '@snakepit/python-bridge';
import { errorOf } from '../fixtures/snakepit-bench.ts';
import { named, stopTracing, TracedSystem } from '../fixtures/traced-system.ts';

jest.setTimeout(60_000);

const system = new TracedSystem();
const { receiver, bench } = system;
let snakepit: Snakepit;

beforeAll(async () => {
  snakepit = await system.start();
  snakepit.registerTool('double', (_args, { execute }) => execute('work'));
  snakepit.registerTool('fail', () => {
    throw new RangeError('not in Node');
  });
});

afterAll(() => system.close());

test('[I6.2] a call that is tried again has a span for each attempt', async () => {
  const mark = bench.path('died');
  const { id, value } = await system.traced(() =>
    snakepit.execute('die_once', { mark }, { pool: 'frames', idempotent: true }),
  );
  expect(value).toBe('lived');
  const spans = await receiver.trace(id, 5, ['root', 'snakepit.tool die_once']);
  const attempts = spans.filter(({ name }) => name === 'snakepit.rpc die_once');
  expect(attempts.map(({ attributes }) => attributes['snakepit.attempt'])).toEqual([1, 2]);
  expect(attempts.map(({ attributes }) => attributes['error.type'])).toEqual([
    'WORKER_CRASHED',
    undefined,
  ]);
  expect(named(spans, 'snakepit.execute die_once').status.code).toBe(0);
  expect(named(spans, 'snakepit.tool die_once').parentSpanId).toBe(attempts[1]?.spanId);
});

test('[I6.2] what cannot be called, and what is refused, is told, too', async () => {
  const { id } = await system.traced(async () => {
    await errorOf(snakepit.execute('work', { a: 1 }, { pool: 'frames' }));
    const gone = AbortSignal.abort();
    await errorOf(snakepit.execute('work', {}, { pool: 'frames', signal: gone }));
  });
  const spans = await receiver.trace(id, 3);
  const calls = spans.filter(({ name }) => name === 'snakepit.execute work');
  const types = calls.map(({ attributes }) => attributes['error.type']);
  expect(types.sort()).toEqual(['CANCELLED', 'INVALID_ARGUMENT']);
});

test.each(['onStart', 'onEnd'] as const)(
  '[I6.2] what the SDK of the application throws harms no call: %s',
  async (method) => {
    const broken = new NodeTracerProvider({ spanProcessors: [brokenProcessor(method)] });
    broken.register();
    try {
      const quick = (): Promise<unknown> => snakepit.execute('quick', { text: 'x' });
      expect(await Promise.all(Array.from({ length: 8 }, quick))).toEqual(Array(8).fill('x'));
      expect(await snakepit.execute('ask', { name: 'double' })).toBe('done');
      const error = await errorOf(snakepit.execute('ask', { name: 'fail' }));
      expect(error.code).toBe('PYTHON_EXCEPTION');
      const chunks: unknown[] = [];
      for await (const chunk of snakepit.stream('count', { to: 2 })) chunks.push(chunk);
      expect(chunks).toEqual([0, 1]);
      expect(snakepit.pool('frames').stats()).toMatchObject({ queued: 0, inFlight: 0 });
    } finally {
      stopTracing();
    }
  },
);

function brokenProcessor(method: 'onStart' | 'onEnd'): SpanProcessor {
  const nothing = (): undefined => undefined;
  const done = (): Promise<void> => Promise.resolve();
  const processor = { onStart: nothing, onEnd: nothing, forceFlush: done, shutdown: done };
  const fail = (): never => {
    throw new Error('broken');
  };
  return { ...processor, [method]: fail };
}
