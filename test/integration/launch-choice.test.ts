import { writeFileSync } from 'node:fs';
import { describe, expect, jest, test } from '@jest/globals';
import { EventRecorder } from '../fixtures/event-recorder.ts';
import { errorOf, isAlive, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// Which way the workers of a pool are started, and what is said when that is another than somebody may have thought.

// It is about forking, also where a whole suite is run with spawned workers.
delete process.env['SNAKEPIT_LAUNCH'];

jest.setTimeout(60_000);

describe('launch', () => {
  test('[I7.1] by default workers are forked where that is possible and saves something, else spawned; it is said which and why', async () => {
    const bench = new SnakepitBench();
    const recorder = new EventRecorder();
    const lines: string[] = [];
    const { logger } = bench;
    const keep = { ...logger, info: (line: string): void => void lines.push(line) };
    try {
      const snakepit = await bench.startAll(
        [
          { name: 'usual', size: 2 },
          { name: 'one' },
          { name: 'strict', size: 2, descendants: 'strict' },
          { name: 'plain', launch: 'spawn' },
        ],
        { logger: keep, telemetry: { bus: recorder.bus } },
      );
      expect(snakepit.workers().map(({ pool, launch }) => [pool, launch])).toEqual([
        ['usual', 'fork'],
        ['usual', 'fork'],
        ['one', 'spawn'],
        ['strict', 'spawn'],
        ['strict', 'spawn'],
        ['plain', 'spawn'],
      ]);
      const why = 'with descendants: "strict" each worker has a launcher of its own';
      const { metadata } = await recorder.saw('snakepit.pool.launch', { pool: 'strict' });
      expect(metadata).toEqual({ pool: 'strict', mode: 'spawn', asked: 'auto', why });
      await recorder.saw('snakepit.pool.launch', { pool: 'usual', mode: 'fork', asked: 'auto' });
      await recorder.saw('snakepit.pool.launch', { pool: 'plain', why: "launch is 'spawn'" });
      expect(lines).toContain('the workers of pool usual are forked (nothing is in its way)');
      expect(lines).toContain(
        'the workers of pool one are spawned, because a fork server costs one worker more than it saves; they could be forked',
      );
      expect(lines).toContain(`the workers of pool strict are spawned, because ${why}`);
      expect(lines.filter((line) => line.includes('workers of pool plain'))).toEqual([]);
      expect(await snakepit.execute('add', { a: 2, b: 3 }, { pool: 'usual' })).toBe(5);
    } finally {
      await bench.close();
    }
  });

  test('[I7.1] a preload that starts a thread: auto spawns and names it, fork is refused with its name', async () => {
    const bench = new SnakepitBench();
    const recorder = new EventRecorder();
    try {
      writeFileSync(
        bench.path('threaded_module.py'),
        'import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n',
      );
      const pool = { preload: ['json', 'threaded_module'], pythonPath: [bench.base] };
      const error = await errorOf(bench.start({ ...pool, launch: 'fork' }));
      expect(error).toMatchObject({
        code: 'WORKER_START_FAILED',
        message: expect.stringContaining('threaded_module'),
        details: { failure: 'configuration' },
      });
      expect(bench.leftovers()).toEqual([]);
      const snakepit = await bench.start(
        { ...pool, launch: 'auto', size: 2 },
        { telemetry: { bus: recorder.bus } },
      );
      expect(snakepit.workers().map(({ launch }) => launch)).toEqual(['spawn', 'spawn']);
      expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
      expect(snakepit.workers().map(({ restarts }) => restarts)).toEqual([0, 0]);
      const { metadata } = await recorder.saw('snakepit.pool.launch', { mode: 'spawn' });
      expect(String(Reflect.get(metadata, 'why'))).toContain('threaded_module');
      expect(
        bench.reports.some((line) => line.includes('spawned') && line.includes('threaded_module')),
      ).toBe(true);
      await snakepit.pool('default').recycle();
      expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
      await snakepit.stop();
      expect(bench.leftovers()).toEqual([]);
    } finally {
      await bench.close();
    }
  });

  test('[I7.1] a preload that cannot be imported is an import error, with the traceback of Python', async () => {
    const bench = new SnakepitBench();
    try {
      writeFileSync(bench.path('broken_module.py'), 'import no_such_module_at_all\n');
      const error = await errorOf(
        bench.start({ launch: 'auto', preload: ['broken_module'], pythonPath: [bench.base] }),
      );
      expect(error).toMatchObject({
        code: 'WORKER_START_FAILED',
        details: { failure: 'importError', pool: 'default' },
      });
      expect(error.message).toContain("No module named 'no_such_module_at_all'");
      expect(error.message).toContain('import no_such_module_at_all');
      expect(error.message).toContain("cannot preload 'broken_module'");
      expect(bench.leftovers()).toEqual([]);
    } finally {
      await bench.close();
    }
  });

  test('[I7.1] fork where it is impossible is refused before anything starts', async () => {
    const bench = new SnakepitBench();
    try {
      const error = await errorOf(bench.start({ launch: 'fork', descendants: 'strict' }));
      expect(error.code).toBe('INVALID_CONFIG');
      expect(error.message).toContain('pools[0].launch is "fork"; it must be "auto" or "spawn"');
      expect(bench.leftovers()).toEqual([]);
    } finally {
      await bench.close();
    }
  });

  test('[I7.3] a fork server that grows is replaced, and its workers; one that is large from the start is not', async () => {
    const bench = new SnakepitBench();
    const recorder = new EventRecorder();
    try {
      // Without a thread, and in the server only: in a worker this signal has its usual meaning.
      writeFileSync(
        bench.path('growing_module.py'),
        [
          'import signal',
          'grown = []',
          'signal.signal(signal.SIGUSR1, lambda *_: grown.append(b"x" * 300_000_000))',
        ].join('\n'),
      );
      const snakepit = await bench.start(
        {
          ...{ size: 2, launch: 'fork', preload: ['growing_module'], pythonPath: [bench.base] },
          recycle: { maxMemoryBytes: 200_000_000, checkInterval: 200 },
        },
        { telemetry: { bus: recorder.bus } },
      );
      const { metadata } = await recorder.saw('snakepit.forkserver.started');
      const parent = Number(Reflect.get(metadata, 'osPid'));
      process.kill(parent, 'SIGUSR1');
      await recorder.saw('snakepit.forkserver.replaced', { reason: 'memory_threshold' });
      await recorder.saw('snakepit.worker.recycled', { workerId: 'default_worker_2' });
      await until(() => !isAlive(parent), 'the end of the fork server that had grown');
      expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
      const reasons = recorder.happened.get('snakepit.worker.recycled') ?? [];
      expect(reasons.map(({ metadata: about }): unknown => Reflect.get(about, 'reason'))).toEqual([
        'fork_server',
        'fork_server',
      ]);
      expect(bench.reports).toEqual([]);
    } finally {
      await bench.close();
    }
  });
});
