import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Snakepit } from '@snakepit/python-bridge';
import { canConnect } from '../fixtures/processes/census.mjs';
import {
  errorOf,
  isAlive,
  osPidOf,
  SnakepitBench,
  until,
  type BenchPool,
} from '../fixtures/snakepit-bench.ts';

// A server of Snakepit v0.13, unchanged, under this runtime; the stand-in in fixtures/snakepit-0.13 behaves as that does.

jest.setTimeout(120_000);

const originals = fileURLToPath(new URL('../fixtures/snakepit-0.13/', import.meta.url));

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

function original(pool: BenchPool = {}): BenchPool {
  return {
    compat: 'snakepit-0.13',
    serverScript: join(originals, 'grpc_server.py'),
    adapter: 'workshop_adapter.Workshop',
    cwd: originals,
    ...pool,
  };
}

function threaded(pool: BenchPool = {}): BenchPool {
  return original({ serverScript: join(originals, 'grpc_server_threaded.py'), ...pool });
}

describe('calls', () => {
  let snakepit: Snakepit;
  beforeEach(async () => {
    snakepit = await bench.start(original());
  });

  test('[I5.11] arguments and results pass as v0.13 sends them', async () => {
    expect(await snakepit.execute('add', { a: 2, b: 3 })).toBe(5);
    expect(await snakepit.execute('add', { a: 'ä', b: 'b' })).toBe('äb');
    const nested = { list: [1, 2.5, null, { deep: true }], text: '' };
    expect(await snakepit.execute('echo', { value: nested })).toEqual(nested);
    expect(await snakepit.execute('weigh', { payload: Buffer.alloc(300_000, 1) })).toEqual({
      type: 'bytes',
      size: 300_000,
    });
    // So it is there: what is neither boolean, number, text, list nor map becomes its text.
    expect(await snakepit.execute('nothing')).toBe('None');
  });

  test('[I5.11] an exception arrives with type, message and traceback', async () => {
    const error = await errorOf(snakepit.execute('fail', { message: 'not today' }));
    expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION' });
    expect(error.message).toContain('ValueError: not today');
    expect(JSON.stringify(error.details)).toContain('workshop_adapter.py');
  });

  test('[I5.11] each call has an adapter of its own, which is cleaned up, in the session of the worker', async () => {
    await expect(snakepit.execute('fail', { message: 'x' })).rejects.toThrow();
    expect(await snakepit.execute('counts')).toEqual({ made: 2, cleaned: 1 });
    const seen = await snakepit.execute<Readonly<Record<string, string>>>('whoami');
    expect(seen).toMatchObject({
      pid: osPidOf(snakepit),
      cwd: dirname(join(originals, 'x')),
      session: expect.stringMatching(/^session_[0-9a-f]{32}$/u),
      package: 'snakepit_bridge.base_adapter',
    });
  });

  test('[I5.11] it may call tools of Node, those that are for all', async () => {
    snakepit.registerTool('shout', ({ value }) => `${String(value).toUpperCase()}!`);
    expect(await snakepit.execute('ask_host', { name: 'shout', value: 'hello' })).toBe('HELLO!');
    const error = await errorOf(snakepit.execute('ask_host', { name: 'whisper', value: 'x' }));
    expect(error.message).toContain('the host has no tool whisper');
  });

  test('[I5.11] [I5.2] a call that nobody waits for keeps its worker busy until its tool is done', async () => {
    const args = { until: bench.path('released'), mark: bench.path('begun') };
    const late = await errorOf(snakepit.execute('hold', args, { timeout: 1_500 }));
    expect(late.code).toBe('TIMEOUT');
    expect(existsSync(bench.path('begun'))).toBe(true);
    expect(snakepit.stats()).toMatchObject({ inFlight: 0, lingering: 1 });
    const next = snakepit.execute('add', { a: 1, b: 1 });
    expect(snakepit.stats()).toMatchObject({ queued: 1, inFlight: 0 });
    writeFileSync(bench.path('released'), '');
    expect(await next).toBe(2);
  });

  test('[I5.11] [I5.4] a stream comes in order, ends with its last chunk, and fails in the middle with the traceback', async () => {
    const numbers: unknown[] = [];
    for await (const chunk of snakepit.stream('count', { upto: 250 })) numbers.push(chunk);
    expect(numbers).toEqual(Array.from({ length: 250 }, (_, number) => ({ number })));
    const single: unknown[] = [];
    for await (const chunk of snakepit.stream('add', { a: 1, b: 2 })) single.push(chunk);
    expect(single).toEqual([3]);
    const raw: unknown[] = [];
    for await (const chunk of snakepit.stream('raw')) raw.push(chunk);
    expect(raw).toEqual([Buffer.from([0, 255, 0x7b]), { then: 'json' }]);
    const seen: unknown[] = [];
    const error = await errorOf(
      (async () => {
        for await (const chunk of snakepit.stream('stumble')) seen.push(chunk);
      })(),
    );
    expect(seen).toEqual([{ number: 0 }]);
    expect(error).toMatchObject({ code: 'PYTHON_EXCEPTION' });
    expect(error.message).toContain('LookupError: stumbled');
  });

  test('[I5.11] [I5.4] leaving the loop ends the generator, and the worker is free again', async () => {
    let count = 0;
    for await (const chunk of snakepit.stream('count', { upto: 1_000_000, pause: 0.01 })) {
      expect(chunk).toEqual({ number: count });
      count += 1;
      if (count === 3) break;
    }
    // By itself it would go on for hours.
    expect(await snakepit.execute('add', { a: 1, b: 1 }, { timeout: 25_000 })).toBe(2);
  });

  test('[I5.11] what it cannot carry is refused before it is sent', async () => {
    const error = await errorOf(snakepit.execute('echo', { value: new Map([[{}, 1]]) }));
    expect(error.code).toBe('INVALID_ARGUMENT');
  });
});

describe('life', () => {
  test('[I5.11] heartbeats go through it and back, on both paths, while it has nothing to do', async () => {
    const snakepit = await bench.start(original({ heartbeat: { pingInterval: 1_000 } }));
    const pid = osPidOf(snakepit);
    const heard = { beats: 0, serving: 0 };
    snakepit.system.telemetry.on('snakepit.worker.heartbeat.received', (_, { path }) => {
      heard[path] += 1;
    });
    await until(() => heard.beats >= 3 && heard.serving >= 3, 'three answers on each path', 60_000);
    expect(osPidOf(snakepit)).toBe(pid);
    expect(snakepit.stats()).toBeDefined();
  });

  test('[I5.11] a server that hangs is replaced, and its call says why', async () => {
    const heartbeat = { pingInterval: 1_000, timeoutThreshold: 5_000, maxMissed: 3 };
    const snakepit = await bench.start(threaded({ heartbeat }));
    const pid = osPidOf(snakepit);
    const startMs = performance.now();
    // Its sync tools run on the event loop.
    const error = await errorOf(snakepit.execute('doze', { seconds: 600 }));
    expect(error.code).toBe('WORKER_CRASHED');
    expect(performance.now() - startMs).toBeLessThan(10_000);
    expect(await snakepit.execute('add', { a: 1, b: 1 })).toBe(2);
    expect(isAlive(pid)).toBe(false);
  });

  test('[I5.11] a server that crashes is replaced; its children are gone, and its session', async () => {
    const snakepit = await bench.start(original());
    const child = await snakepit.execute<number>('spawn');
    const session = (): Promise<string> =>
      snakepit.execute<{ session: string }>('whoami').then((seen) => seen.session);
    const before = await session();
    const error = await errorOf(snakepit.execute('die'));
    expect(error).toMatchObject({ code: 'WORKER_CRASHED', details: { exitCode: 7 } });
    expect(await session()).not.toBe(before);
    await until(() => !isAlive(child), 'the end of the child');
  });

  test('[I5.11] stopped in order it ends by SIGTERM within its grace, and nothing is left', async () => {
    const snakepit = await bench.startAll([original({ size: 2 }), { name: 'ours' }]);
    const pids = bench.processes();
    expect(pids.length).toBeGreaterThanOrEqual(3);
    const { environment } = await snakepit.execute<{ environment: Record<string, string> }>(
      'whoami',
    );
    expect(environment['SNAKEPIT_READY_FILE']).toContain('.port');
    const startMs = performance.now();
    await snakepit.stop();
    expect(performance.now() - startMs).toBeLessThan(6_000);
    expect(bench.leftovers()).toEqual([]);
    expect(bench.reports.filter((text) => /kill/iu.test(text))).toEqual([]);
  });

  test('[I5.11] with strict descendants, and with the watchdog, it is started and stopped as any', async () => {
    const pools = [
      original({ name: 'strict', descendants: 'strict' }),
      original({ name: 'watched', watchdog: true }),
    ];
    const snakepit = await bench.startAll(pools);
    for (const pool of ['strict', 'watched']) {
      expect(await snakepit.execute('add', { a: 1, b: 2 }, { pool })).toBe(3);
    }
    await snakepit.stop();
    expect(bench.leftovers()).toEqual([]);
  });
});

describe('when the runtime is killed', () => {
  const program = fileURLToPath(
    new URL('../fixtures/processes/snakepit-program.mjs', import.meta.url),
  );
  const loader = fileURLToPath(
    new URL('../fixtures/processes/typescript-loader.mjs', import.meta.url),
  );

  /** Starts a program with these pools, kills it, and waits for the end of its workers. */
  async function kill(place: SnakepitBench, pool: BenchPool, call?: unknown): Promise<number> {
    const config = place.config([pool]);
    const plain = { ...config, logger: undefined };
    const child: ChildProcess = spawn(
      process.execPath,
      ['--import', loader, program, JSON.stringify({ config: plain, call })],
      { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env } },
    );
    try {
      let said = '';
      child.stdout?.on('data', (text: Buffer) => (said += text.toString()));
      const awaited = call === undefined ? '"started"' : '"answer"';
      await until(() => said.includes(awaited), `the program to have ${awaited}`, 30_000);
      const pids = pidsIn(said);
      child.kill('SIGKILL');
      const killedAtMs = performance.now();
      await until(() => !pids.some(isAlive), 'the end of the workers', 30_000);
      return performance.now() - killedAtMs;
    } finally {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    }
  }

  test('[I5.11] it ends by its own heartbeat within 10 s, contained ones within 5; the next start ends what is left', async () => {
    const strict = new SnakepitBench();
    try {
      const [plainMs, strictMs] = await Promise.all([
        kill(bench, original(), ['spawn', {}]),
        kill(strict, original({ descendants: 'strict' })),
      ]);
      expect(plainMs).toBeLessThan(10_000);
      expect(strictMs).toBeLessThan(5_000);
      // A server of the original takes nobody with it.
      expect(bench.processes()).toHaveLength(1);
      expect(strict.processes()).toEqual([]);
      await bench.start({ name: 'next' });
      expect(bench.processes()).toHaveLength(1);
    } finally {
      await strict.close();
    }
  });
});

function pidsIn(said: string): number[] {
  const started = said.split('\n').find((line) => line.includes('"started"')) ?? '{}';
  return (JSON.parse(started) as { readonly pids?: number[] }).pids ?? [];
}

test('[I5.12] the port for servers of the original is there only while a pool has some, and on loopback', async () => {
  const plain = await bench.start({ name: 'ours' });
  expect(plain.system.whereis('snakepit.originalBridge')).toBeUndefined();
  const snakepit = await bench.start(original({ name: 'old' }), { stateDir: bench.path('other') });
  expect(snakepit.system.whereis('snakepit.originalBridge')).toBeDefined();
  const argv = await snakepit.execute<{ environment: Record<string, string> }>('whoami');
  expect(argv.environment['SNAKEPIT_RUN_ID']).toBeDefined();
  await snakepit.stop();
  expect(await canConnect('127.0.0.1:9')).toBe(false);
});
