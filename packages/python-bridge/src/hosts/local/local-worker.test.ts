import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  canConnect,
  carriers,
  ignoresTerm,
  isAlive,
  until,
} from '../../../../../test/fixtures/processes/census.mjs';
import {
  failureOf,
  fixturePath,
  openBench,
  type Bench,
} from '../../../../../test/fixtures/processes/host-bench.mjs';
import { openRun } from '../../os/run-records.ts';
import { sweepEarlierRuns } from '../../os/run-sweep.ts';
import type { OutputLine, Pong, WorkerHandle } from '../worker-host.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

const never = new AbortController().signal;

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

async function expectNothingLeft(worker: WorkerHandle): Promise<void> {
  expect(isAlive(worker.pid ?? 0)).toBe(false);
  expect(carriers(bench.token)).toEqual([]);
  expect(readdirSync(bench.sockets)).toEqual([]);
  await until(() => bench.recordedWorkers().length === 0, 'record removed');
}

describe('ready', () => {
  test('[WH-1] aborted midway, the process is gone', async () => {
    const host = bench.createHost();
    const abort = new AbortController();
    const worker = await host.start(bench.spec('never_ready.py'), abort.signal);
    abort.abort();
    expect(await failureOf(worker.ready)).toMatchObject({
      kind: 'aborted',
      ended: { exit: { kind: 'signalled', signal: 'SIGKILL' } },
    });
    await expectNothingLeft(worker);
  });

  test('aborting after it was ready changes nothing', async () => {
    const abort = new AbortController();
    const worker = await bench.createHost().start(bench.spec('ready_then_idle.py'), abort.signal);
    await worker.ready;
    abort.abort();
    // A signal takes its time; an answer shows that none is on its way.
    const pong = new Promise<Pong>((resolve) => worker.beats.onPong(resolve));
    worker.beats.ping(1);
    expect(await Promise.race([pong, worker.exited])).toMatchObject({ seq: 1 });
  });

  test('a worker that dies while starting tells code, words and output', async () => {
    const worker = await bench.createHost().start(bench.spec('dies_while_starting.py'), never);
    const failure = await failureOf(worker.ready);
    expect(failure).toMatchObject({
      kind: 'exitedBeforeReady',
      exit: { kind: 'exited', code: 69 },
      failed: { code: 'ADAPTER_NOT_FOUND', traceback: expect.stringContaining('Traceback') },
      message: expect.stringMatching(/exited with code 69.*no module named 'nowhere'/u),
    });
    const output = worker.lastOutput().map(({ stream, text }) => `${stream}: ${text}`);
    expect(output.sort()).toEqual([
      'stderr: Traceback: no such module',
      'stdout: looking for the adapter',
    ]);
    await expectNothingLeft(worker);
  });

  test.each(['text', 'bytes', 'array', 'long', 'fields', 'address'])(
    'a worker that says garbage (%s) is ended for it',
    async (kind) => {
      const worker = await bench.createHost().start(bench.spec('prints_garbage.py', kind), never);
      expect(await failureOf(worker.ready)).toMatchObject({ kind: 'protocol' });
      expect(await worker.exited).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
      expect(bench.notices.filter((one) => one.kind === 'protocolError')).toHaveLength(1);
      await expectNothingLeft(worker);
    },
  );
});

describe('output', () => {
  test('[WH-14] megabytes before it is ready neither stall it nor pile up', async () => {
    const longest = { line: 0, count: 0 };
    const host = bench.createHost({
      onOutput: ({ text }) => {
        longest.line = Math.max(longest.line, text.length);
        longest.count += 1;
      },
    });
    const worker = await host.start(bench.spec('floods_stdout.py', '8'), never);
    const unread = worker.output();
    await worker.ready;
    await until(() => worker.lastOutput().at(-1)?.text === 'last words', 'last line');
    expect(longest).toEqual({ line: 8_192, count: 8 * 1_024 + 3 });
    const kept = worker.lastOutput();
    expect(kept.length).toBeLessThanOrEqual(200);
    expect(kept.reduce((sum, { text }) => sum + text.length, 0)).toBeLessThanOrEqual(65_536);
    expect(kept.at(-2)).toMatchObject({ truncated: true, ref: worker.ref, stream: 'stdout' });
    await worker.signal('kill');
    await worker.exited;
    const waiting: OutputLine[] = [];
    for await (const line of unread) waiting.push(line);
    expect(waiting).toHaveLength(1_000);
    expect(waiting.at(-1)?.text).toBe('last words');
  });
});

describe('beats', () => {
  test('a ping is answered, until nobody listens', async () => {
    const worker = await bench.createHost().start(bench.spec('ready_then_idle.py'), never);
    await worker.ready;
    const pongs: Pong[] = [];
    const stop = worker.beats.onPong((pong) => pongs.push(pong));
    worker.beats.ping(1);
    await until(() => pongs.length === 1, 'pong');
    expect(pongs).toMatchObject([{ seq: 1, inFlight: 0, loopLagMs: 0, oldestCallMs: 0 }]);
    stop();
    const later = new Promise<Pong>((resolve) => worker.beats.onPong(resolve));
    worker.beats.ping(2);
    expect((await later).seq).toBe(2);
    expect(pongs).toHaveLength(1);
    await worker.signal('kill');
    await worker.exited;
    worker.beats.ping(3);
  });
});

describe('exit', () => {
  test('[WH-6] TERM reaches the worker’s own handler', async () => {
    const worker = await bench.createHost().start(bench.spec('ready_then_idle.py'), never);
    const { target } = await worker.ready;
    await worker.signal('term');
    expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
    expect(worker.lastOutput().map(({ text }) => text)).toEqual(['stopped in order']);
    expect(await canConnect(target)).toBe(false);
    await worker.signal('term');
    await worker.signal('kill');
    await expectNothingLeft(worker);
  });

  test.each([
    ['0', { kind: 'exited', code: 0 }],
    ['44', { kind: 'exited', code: 44 }],
    ['SIGSEGV', { kind: 'signalled', signal: 'SIGSEGV' }],
    ['SIGKILL', { kind: 'signalled', signal: 'SIGKILL' }],
  ])('[WH-3] %s is told as the operating system tells it', async (argument, status) => {
    const worker = await bench
      .createHost()
      .start(bench.spec('exits_with_code.py', argument), never);
    await worker.ready;
    worker.beats.ping(1);
    expect(await worker.exited).toEqual(status);
    await expectNothingLeft(worker);
  });

  test('[WH-4] [R3.3] SIGKILL of a worker leaves neither children nor daemons', async () => {
    const worker = await bench.createHost().start(bench.spec('forks_children.py', '3', '2'), never);
    const { target } = await worker.ready;
    await until(() => carriers(bench.token).length === 6, 'family');
    process.kill(worker.pid ?? 0, 'SIGKILL');
    expect(await worker.exited).toEqual({ kind: 'signalled', signal: 'SIGKILL' });
    expect(carriers(bench.token)).toEqual([]);
    expect(await canConnect(target)).toBe(false);
    await expectNothingLeft(worker);
    const reports = () =>
      bench.notices.flatMap((one) => (one.kind === 'cleanedUp' ? one.report : []));
    // Told a moment after its record was seen to be gone.
    await until(() => reports().length > 0, 'the report');
    const cleaned = reports();
    expect(cleaned).toHaveLength(1);
    expect(cleaned[0]?.survivors).toEqual([]);
    expect(cleaned[0]?.escaped).toHaveLength(2);
  });

  test('one worker’s end does not touch another one of the same name', async () => {
    const { run } = openRun({ stateDir: bench.stateDir });
    const sockets = join(bench.base, 'sockets of the other');
    mkdirSync(sockets);
    const [one, other] = [bench.createHost(), bench.createHost({ run, socketDirectory: sockets })];
    const spec = bench.spec('forks_children.py', '1', '1');
    const first = await one.start(spec, never);
    const second = await other.start({ ...spec, runId: run.runId }, never);
    await Promise.all([first.ready, second.ready]);
    await until(() => carriers(bench.token).length === 6, 'both families');
    await first.signal('kill');
    await first.exited;
    await until(() => bench.notices.some(({ kind }) => kind === 'cleanedUp'), 'last look');
    expect(carriers(bench.token)).toHaveLength(3);
  });
});

describe('many starts', () => {
  test('[WH-16] [I4.5] two hundred of them leave no process, descriptor, listener, timer, record or socket behind', async () => {
    const host = bench.createHost();
    let started = 0;
    const startAndEnd = async (): Promise<void> => {
      started += 1;
      // Where the worker would listen.
      writeFileSync(join(bench.sockets, `w${String(started)}.sock`), '');
      const spec = { ...bench.spec('unused'), command: ['sh', '-c', 'echo hello'] as const };
      const worker = await host.start(spec, never);
      expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
    };
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const resources = (): number => process.getActiveResourcesInfo().length;
    await startAndEnd();
    await until(() => bench.recordedWorkers().length === 0, 'the first record removed');
    const before = { descriptors: descriptors(), resources: resources() };
    for (let batch = 0; batch < 20; batch += 1) {
      await Promise.all(Array.from({ length: 10 }, startAndEnd));
    }
    await until(() => bench.recordedWorkers().length === 0, 'records removed');
    await until(() => descriptors() <= before.descriptors, 'descriptors closed');
    await until(() => resources() <= before.resources, 'timers, pipes and processes released');
    expect(readdirSync(bench.sockets)).toEqual([]);
    expect(readdirSync(bench.run.directory ?? '')).toEqual(['run.json']);
    expect(process.listenerCount('exit')).toBe(0);
    expect(carriers(bench.token)).toEqual([]);
  });
});

describe('end of the runtime', () => {
  test.each(['exit', 'throw'])('on its orderly end (%s) its groups are killed', async (command) => {
    const { child, pid } = await startRuntime('forks_children.py', '2', '0');
    const errors: string[] = [];
    child.stderr?.on('data', (chunk: Buffer) => errors.push(chunk.toString()));
    await until(() => carriers(bench.token).length === 4, 'runtime and family');
    child.stdin?.write(`${command}\n`);
    const [code] = (await once(child, 'exit')) as [number];
    expect(code).toBe(command === 'exit' ? 0 : 1);
    await until(() => carriers(bench.token).length === 0, 'nobody left');
    expect(isAlive(pid)).toBe(false);
  });

  test('[R1.4] what outlives a killed runtime is ended by the next one', async () => {
    const { child, pid, runId } = await startRuntime('outlives_everything.py', '2');
    await until(() => carriers(bench.token).filter(ignoresTerm).length === 3, 'stubborn family');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(carriers(bench.token)).toHaveLength(3);
    const report = await sweepEarlierRuns({
      stateDirectory: bench.stateDir,
      termTimeoutMs: 100,
    });
    expect(carriers(bench.token)).toEqual([]);
    const swept = report.runs.find((one) => one.runId === runId);
    expect(swept).toMatchObject({ outcome: 'swept', corrupt: [] });
    expect(swept?.processes).toHaveLength(3);
    expect(swept?.processes).toContainEqual(
      expect.objectContaining({ pid, worker: 'default/w1/1', how: 'kill' }),
    );
    const own = report.runs.find((one) => one.runId === bench.run.runId);
    expect(own?.outcome).toBe('live');
    expect(readdirSync(join(bench.base, 'state', 'runs'))).toEqual([bench.run.runId]);
  });

  test('[R1.1] SIGKILL of the runtime: the kernel ends a worker through its lifeline', async () => {
    const { child, pid } = await startRuntime('ready_then_idle.py', '--lifeline');
    await until(() => existsSync(join(bench.sockets, 'w1.sock')), 'armed and listening');
    expect(isAlive(pid)).toBe(true);
    child.kill('SIGKILL');
    await until(() => carriers(bench.token).length === 0, 'nobody left', 5_000);
  });
});

interface Runtime {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly runId: string;
}

/** Starts a Node process that starts a worker. */
async function startRuntime(name: string, ...args: readonly string[]): Promise<Runtime> {
  const input = JSON.stringify({
    stateDir: bench.stateDir,
    socketDirectory: bench.sockets,
    command: ['python3', '-u', fixturePath(name), ...args],
  });
  const loader = fixturePath('typescript-loader.mjs');
  const program = ['--import', loader, fixturePath('runtime.mjs'), input];
  const child = spawn(process.execPath, program, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, [bench.token.name]: bench.token.value },
  });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const { pid, runId } = JSON.parse(line) as { pid: number; runId: string };
  return { child, pid, runId };
}
