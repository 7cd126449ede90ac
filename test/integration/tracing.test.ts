import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import {
  NodeTracerProvider,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace-node';
import type { Snakepit } from '@snakepit/python-bridge';
import { callPaths } from '../fixtures/call-paths.ts';
import { errorOf } from '../fixtures/snakepit-bench.ts';
import { named, stopTracing, TracedSystem, treeOf } from '../fixtures/traced-system.ts';

jest.setTimeout(60_000);

const system = new TracedSystem();
const { receiver } = system;
let snakepit: Snakepit;

beforeAll(async () => {
  snakepit = await system.start();
  snakepit.registerTool('double', (_args, { execute }) => execute('work'));
  snakepit.registerTool('fail', () => {
    throw new RangeError('not in Node');
  });
  snakepit.registerTool('silently', () => snakepit.execute('metadata', {}, { pool: 'silent' }));
});

afterAll(() => system.close());

describe('without a tracer provider', () => {
  test.each([...callPaths, 'silent'])('[I6.2] nothing of it is on the wire: %s', async (pool) => {
    expect(await snakepit.execute('metadata', {}, { pool })).toEqual({});
    const inSession = snakepit.session('plain', { pool });
    expect(await inSession.execute('metadata_in_thread')).toEqual({});
  });
});

describe.each(callPaths)('with one, over %s', (pool) => {
  test('[I6.2] one trace from Node over Python and Node to Python', async () => {
    const { id, value } = await system.traced(() =>
      snakepit.execute('ask', { name: 'double' }, { pool }),
    );
    expect(value).toBe('done');
    const spans = await receiver.trace(id, 10);
    expect(treeOf(spans)).toEqual([
      'root (node, internal)',
      '  snakepit.execute ask (node, internal)',
      '    snakepit.rpc ask (node, client)',
      '      snakepit.tool ask (python-tools, server)',
      '        snakepit.call_node double (python-tools, client)',
      '          snakepit.node_tool double (node, server)',
      '            snakepit.execute work (node, internal)',
      '              snakepit.rpc work (node, client)',
      '                snakepit.tool work (python-tools, server)',
      '                  own work (python-tools, internal)',
    ]);
    const worker = `${pool}_worker_1`;
    const about = { 'snakepit.tool': 'ask', 'snakepit.pool': pool };
    const rpc = { 'rpc.system': 'snakepit', 'rpc.method': 'ask', 'snakepit.worker': worker };
    expect(named(spans, 'snakepit.execute ask').attributes).toEqual({
      ...about,
      'snakepit.operation': 'execute',
    });
    const sent = { ...about, ...rpc, 'snakepit.attempt': 1 };
    expect(named(spans, 'snakepit.rpc ask').attributes).toEqual(sent);
    expect(named(spans, 'snakepit.tool ask').attributes).toEqual({ ...about, ...rpc });
    const called = named(spans, 'snakepit.node_tool double').attributes;
    expect(called).toMatchObject({ 'snakepit.pool': pool, 'snakepit.worker': worker });
    expect(spans.every(({ status }) => status.code === 0)).toBe(true);
  });

  test('[I6.2] from async tools, too; sessions are named', async () => {
    const { id } = await system.traced(() =>
      snakepit.session('s7', { pool }).execute('aask', { name: 'double' }),
    );
    const spans = await receiver.trace(id, 10);
    expect(named(spans, 'snakepit.call_node double').parentSpanId).toBe(
      named(spans, 'snakepit.tool aask').spanId,
    );
    expect(named(spans, 'snakepit.node_tool double').parentSpanId).toBe(
      named(spans, 'snakepit.call_node double').spanId,
    );
    for (const name of ['execute', 'rpc', 'tool']) {
      expect(named(spans, `snakepit.${name} aask`).attributes['snakepit.session']).toBe('s7');
    }
  });

  test.each(['current', 'current_in_thread', 'current_handed_over'])(
    '[I6.2] every call is in its own span, whatever runs beside it: %s',
    async (tool) => {
      const waits = Array.from({ length: 24 }, (_, i) => (i % 3 === 0 ? 0 : 0.002 * (i % 5)));
      const argsOf = (wait: number): object => (tool === 'current_handed_over' ? {} : { wait });
      const { id, value } = await system.traced(() =>
        Promise.all(
          waits.map((wait) => snakepit.execute<string[]>(tool, { ...argsOf(wait) }, { pool })),
        ),
      );
      // 24 calls, three spans each, of which 20 wait in the queue: it has four places.
      const spans = await receiver.trace(id, 1 + 24 * 3 + 20);
      expect(spans).toHaveLength(1 + 24 * 3 + 20);
      const ids = spans.filter(({ name }) => name === `snakepit.tool ${tool}`);
      expect(value.map(([before]) => before).sort()).toEqual(
        ids.map(({ spanId }) => spanId).sort(),
      );
      for (const [before, after] of value) expect(after).toBe(before);
    },
  );

  test('[I6.1] events of Python name the trace that they belong to', async () => {
    const raised = new Promise<string>((resolve) => {
      snakepit.system.telemetry.on(
        'snakepit.python.tool.execution.exception',
        (_, { correlationId }) => {
          resolve(correlationId);
        },
      );
    });
    const { id } = await system.traced(() =>
      errorOf(snakepit.execute('fail', { message: 'no' }, { pool })),
    );
    expect(await raised).toBe(id);
  });

  test('[I6.2] waiting for a worker is a span of its own', async () => {
    const { id } = await system.traced(() =>
      Promise.all(
        Array.from({ length: 5 }, () =>
          snakepit.execute('current_in_thread', { wait: 0.05 }, { pool }),
        ),
      ),
    );
    const spans = await receiver.trace(id, 17);
    const waited = named(spans, 'snakepit.queue');
    const call = spans.find(({ spanId }) => spanId === waited.parentSpanId);
    const attempt = spans.find(
      ({ parentSpanId, name }) => parentSpanId === call?.spanId && name.startsWith('snakepit.rpc'),
    );
    expect(call?.name).toBe('snakepit.execute current_in_thread');
    expect(waited.endNs - waited.startNs).toBeGreaterThan(20_000_000n);
    // Spans of Node begin on a whole millisecond.
    expect(waited.endNs).toBeLessThan((attempt?.startNs ?? 0n) + 1_000_000n);
  });

  test.each([
    ['fail', 'ValueError'],
    ['afail', 'KeyError'],
  ])('[I6.2] what Python raises is told on both sides: %s', async (tool, type) => {
    const { id } = await system.traced(() =>
      errorOf(snakepit.execute(tool, { message: 'out of range' }, { pool })),
    );
    const spans = await receiver.trace(id, 4);
    const call = named(spans, `snakepit.execute ${tool}`);
    expect(call.status.code).toBe(2);
    expect(call.attributes['error.type']).toBe('PYTHON_EXCEPTION');
    expect(call.events).toHaveLength(1);
    expect(call.events[0]).toMatchObject({
      name: 'exception',
      attributes: {
        'exception.type': type,
        'exception.message': expect.stringContaining('out of range'),
      },
    });
    const attempt = named(spans, `snakepit.rpc ${tool}`);
    expect(attempt.status.code).toBe(2);
    expect(attempt.attributes['error.type']).toBe('PYTHON_EXCEPTION');
    const inPython = named(spans, `snakepit.tool ${tool}`);
    expect(inPython.status).toEqual({ code: 2, message: type });
    expect(inPython.attributes['error.type']).toBe(type);
    expect(inPython.events).toHaveLength(1);
    expect(inPython.events[0]?.attributes).toMatchObject({ 'exception.type': type });
    expect(inPython.events[0]?.attributes['exception.stacktrace']).toContain('traced.py');
  });

  test('[I6.2] what Node throws is told where it was thrown, and above', async () => {
    const { id } = await system.traced(() =>
      errorOf(snakepit.execute('ask', { name: 'fail' }, { pool })),
    );
    const spans = await receiver.trace(id, 6);
    const thrown = named(spans, 'snakepit.node_tool fail');
    expect(thrown.attributes['error.type']).toBe('RangeError');
    expect(thrown.events[0]?.attributes).toMatchObject({
      'exception.type': 'RangeError',
      'exception.message': 'not in Node',
    });
    const asked = named(spans, 'snakepit.call_node fail');
    expect(asked.status.code).toBe(2);
    expect(asked.attributes['error.type']).toBe('NodeToolError');
    expect(named(spans, 'snakepit.tool ask').status.code).toBe(2);
  });

  test.each(['count', 'acount'])(
    '[I6.2] a stream is a span for its whole length: %s',
    async (tool) => {
      const { id, value } = await system.traced(async () => {
        const chunks: number[] = [];
        for await (const chunk of snakepit.stream<number>(tool, { to: 3 }, { pool })) {
          chunks.push(chunk);
        }
        return chunks;
      });
      expect(value).toEqual([0, 1, 2]);
      const spans = await receiver.trace(id, 7);
      expect(treeOf(spans)).toEqual([
        'root (node, internal)',
        `  snakepit.stream ${tool} (node, internal)`,
        `    snakepit.rpc ${tool} (node, client)`,
        `      snakepit.tool ${tool} (python-tools, server)`,
        '        step 0 (python-tools, internal)',
        '        step 1 (python-tools, internal)',
        '        step 2 (python-tools, internal)',
      ]);
      const inPython = named(spans, `snakepit.tool ${tool}`);
      expect(named(spans, `snakepit.stream ${tool}`).attributes['snakepit.stream.chunks']).toBe(3);
      expect(inPython.attributes['snakepit.stream.chunks']).toBe(3);
      expect(inPython.endNs).toBeGreaterThanOrEqual(named(spans, 'step 2').endNs);
    },
  );

  test('[I6.2] a stream that fails, and one that its reader leaves', async () => {
    const { id } = await system.traced(async () => {
      const failing = snakepit.stream('acount', { to: 3, fail_at: 0 }, { pool });
      await errorOf(failing.next());
    });
    const failed = await receiver.trace(id, 4);
    expect(named(failed, 'snakepit.stream acount').status.code).toBe(2);
    expect(named(failed, 'snakepit.stream acount').events).toHaveLength(1);
    expect(named(failed, 'snakepit.tool acount').attributes['error.type']).toBe('ValueError');
    const left = await system.traced(async () => {
      const stream = snakepit.stream('acount', { to: 1e6 }, { pool, highWaterMark: 1 });
      await stream.next();
      await stream.return();
    });
    const ends = ['root', 'snakepit.stream acount', 'snakepit.tool acount'];
    const spans = await receiver.trace(left.id, 5, ends);
    expect(named(spans, 'snakepit.tool acount').attributes['error.type']).toBe('CANCELLED');
    const stream = named(spans, 'snakepit.stream acount');
    expect(stream.status.code).toBe(0);
    expect(stream.attributes).toMatchObject({
      'snakepit.stream.left': true,
      'snakepit.stream.chunks': 1,
    });
  });

  test('[I6.2] a call that is not to be traced is not, on neither side', async () => {
    const parent = new NodeTracerProvider({
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(0) }),
    });
    parent.register();
    try {
      const metadata = await snakepit.execute<Record<string, string>>('metadata', {}, { pool });
      expect(metadata['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      stopTracing();
      const after = await system.traced(() => snakepit.execute('quick', { text: '' }, { pool }));
      await receiver.trace(after.id, 4);
      const id = metadata['traceparent']?.split('-')[1];
      expect(receiver.spans.filter(({ traceId }) => traceId === id)).toEqual([]);
    } finally {
      stopTracing();
      await parent.shutdown();
    }
  });

  test('[I6.2] Python that does not trace passes on what it was given', async () => {
    const { id, value } = await system.traced(() =>
      snakepit.execute<Record<string, string>>('ask', { name: 'silently' }, { pool: 'silent' }),
    );
    const spans = await receiver.trace(id, 6);
    expect(treeOf(spans)).toEqual([
      'root (node, internal)',
      '  snakepit.execute ask (node, internal)',
      '    snakepit.rpc ask (node, client)',
      '      snakepit.node_tool silently (node, server)',
      '        snakepit.execute metadata (node, internal)',
      '          snakepit.rpc metadata (node, client)',
    ]);
    const inner = named(spans, 'snakepit.rpc metadata').spanId;
    expect(value['traceparent']).toBe(`00-${id}-${inner}-01`);
  });

  test('[I6.2] so does Node: a trace that Python begins goes through it', async () => {
    const before = receiver.spans.length;
    expect(await snakepit.execute('ask', { name: 'double' }, { pool })).toBe('done');
    const begun = await receiver.traceOf(before, 'snakepit.tool ask');
    const spans = await receiver.trace(begun, 4);
    expect(treeOf(spans)).toEqual([
      'snakepit.tool ask (python-tools, server)',
      '  snakepit.call_node double (python-tools, client)',
      '    snakepit.tool work (python-tools, server)',
      '      own work (python-tools, internal)',
    ]);
  });
});
