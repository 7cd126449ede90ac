import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import grpc from '@grpc/grpc-js';
import { createSystem, exitReason, silentLogger, type ActorSystem } from '@snakepit/core';
import { Supervisor } from '@snakepit/supervisor';
import {
  canConnect,
  carriers,
  isAlive,
  membersOf,
  statOf,
  until,
} from '../../../../../test/fixtures/processes/census.mjs';
import {
  failureOf,
  fixturePath,
  openBench,
  type Bench,
} from '../../../../../test/fixtures/processes/host-bench.mjs';
import { createOriginalBridge, type OriginalBridge } from '../../bridge/original-bridge.ts';
import { createOriginalClient } from '../../bridge/original-client.ts';
import { bridgeMethod } from '../../bridge/service-definition.ts';
import type { Containment, WorkerSpec } from '../worker-host.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

const never = new AbortController().signal;
const originals = fixturePath('../snakepit-0.13');
const bridgePath = fixturePath('../../../priv/python');
const python = fixturePath('../../../.venv/bin/python');

let bench: Bench;
let system: ActorSystem;
let bridge: OriginalBridge;
beforeEach(async () => {
  bench = openBench();
  system = createSystem({ logger: silentLogger });
  bridge = createOriginalBridge();
  await Supervisor.start(system, { children: [bridge.spec] });
});
afterEach(async () => {
  await bench.close();
  await system.stop();
});

interface Wish {
  readonly script?: string;
  readonly containment?: Containment;
  readonly adapterArgs?: readonly string[];
  readonly adapter?: string;
}

function specOf({ script = 'grpc_server.py', ...wish }: Wish = {}): WorkerSpec {
  const { command: ours, ...spec } = bench.spec('unused');
  expect(ours).toBeDefined();
  return {
    ...spec,
    ...{ python: { executable: python }, bridgePath, cwd: `${originals}/` },
    adapter: 'workshop_adapter.Workshop',
    bridge: { address: bridge.address() ?? '', token: '' },
    original: {
      serverScript: `${originals}/${script}`,
      // Long enough for a busy machine: one that is not answered in time is not answered at all.
      heartbeat: { intervalMs: 1_000, timeoutMs: 20_000, maxMissed: 3 },
      sessions: bridge.sessions,
    },
    ...wish,
  };
}

describe('a server of the original', () => {
  test.each(['grpc_server.py', 'grpc_server_threaded.py'])(
    '[I5.11] %s is ready when its file names the port and it took its session; TERM ends it with nothing left',
    async (script) => {
      const host = bench.createHost();
      const worker = await host.start(specOf({ script }), never);
      const pid = worker.pid ?? 0;
      const ready = await worker.ready;
      expect(ready).toMatchObject({ pid, token: 'c0ffee', tools: [] });
      expect(ready.target).toMatch(/^localhost:\d+$/u);
      expect(await canConnect(ready.target)).toBe(true);
      expect(bridge.sessions.has(ready.session ?? '')).toBe(true);
      expect(statOf(pid)?.groupId).toBe(pid);
      expect(carriers(bench.token)).toEqual([pid]);

      const answered = new Promise((resolve) => worker.beats.onPong(resolve));
      worker.beats.ping(7);
      expect(await answered).toMatchObject({ seq: 7 });

      const startMs = performance.now();
      await worker.signal('term');
      expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
      // Its own grace is two seconds.
      expect(performance.now() - startMs).toBeLessThan(4_000);
      await worker.cleaned;
      expect(await canConnect(ready.target)).toBe(false);
      expect(bridge.sessions.has(ready.session ?? '')).toBe(false);
      expect(readdirSync(bench.sockets)).toEqual([]);
      expect(bench.recordedWorkers()).toEqual([]);
    },
  );

  test('[I5.11] is given the arguments and the environment of v0.13, and none of our channels', async () => {
    const host = bench.createHost();
    const worker = await host.start(
      specOf({ adapterArgs: ['--snakepit-instance-token', 't'] }),
      never,
    );
    await worker.ready;
    const pid = String(worker.pid);
    const argv = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(1, -1);
    const run = bench.run.runId;
    expect(argv).toEqual([
      ...[`${originals}/grpc_server.py`, '--adapter', 'workshop_adapter.Workshop'],
      ...['--snakepit-instance-token', 't', '--port', '0', '--elixir-address', bridge.address()],
      ...['--snakepit-run-id', run, '--snakepit-instance-name', `node-${run}`],
    ]);
    const entries = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const env = Object.fromEntries(
      entries.map((entry) => entry.split(/=(.*)/su).slice(0, 2)),
    ) as Readonly<Record<string, string | undefined>>;
    expect(env).toMatchObject({
      SNAKEPIT_READY_FILE: `${bench.sockets}/w1.port`,
      SNAKEPIT_PROCESS_GROUP: '1',
      SNAKEPIT_PYTHON: python,
      PYTHONPATH: originals,
      PYTHONNOUSERSITE: '1',
      OMP_NUM_THREADS: '1',
      GRPC_POLL_STRATEGY: 'poll',
      GRPC_VERBOSITY: 'ERROR',
    });
    expect(JSON.parse(env['SNAKEPIT_HEARTBEAT_CONFIG'] ?? '')).toEqual({
      ...{ enabled: true, interval_ms: 1000, timeout_ms: 20_000 },
      ...{ max_missed_heartbeats: 3, initial_delay_ms: 0, dependent: true },
    });
    expect(env['SNAKEPIT_BEAT_FD']).toBeUndefined();
    expect(env['SNAKEPIT_PARENT_PID']).toBeUndefined();
  });

  test('[I5.11] an empty ready file, and one with something else, count as not yet', async () => {
    const host = bench.createHost();
    const worker = await host.start(specOf({ script: 'slow_to_say.py' }), never);
    await until(() => existsSync(`${bench.sockets}/w1.port`), 'a ready file');
    const { target } = await worker.ready;
    expect(target).toMatch(/^localhost:\d+$/u);
  });

  test('[I5.11] that cannot import its adapter ends with status 1 and its words', async () => {
    const host = bench.createHost();
    const worker = await host.start(specOf({ adapter: 'no_such.Adapter' }), never);
    expect(await failureOf(worker.ready)).toMatchObject({
      kind: 'exitedBeforeReady',
      exit: { kind: 'exited', code: 1 },
      lastOutput: [expect.objectContaining({ text: expect.stringContaining('no_such') })],
    });
  });

  test('[I5.11] that finds no runtime gives up; nothing is left when its start is given up before', async () => {
    const host = bench.createHost();
    const abort = new AbortController();
    const spec = { ...specOf(), bridge: { address: '127.0.0.1:9', token: '' } };
    const worker = await host.start(spec, abort.signal);
    abort.abort();
    expect(await failureOf(worker.ready)).toMatchObject({ kind: 'aborted' });
    await worker.cleaned;
    expect(carriers(bench.token)).toEqual([]);
    expect(bridge.sessions.has('')).toBe(false);
  });

  test('[I5.11] behind a launcher it is held, too, and its daemons go with it', async () => {
    const host = bench.createHost();
    const worker = await host.start(specOf({ containment: 'subreaper' }), never);
    const { pid } = await worker.ready;
    expect(worker.pid).toBe(pid);
    await worker.signal('kill');
    await worker.exited;
    expect(isAlive(pid)).toBe(false);
    expect(membersOf(pid)).toEqual([]);
    expect(carriers(bench.token)).toEqual([]);
  });

  test('needs a directory of ours for its ready file', async () => {
    const host = bench.createHost({ socketDirectory: undefined });
    const message = expect.stringContaining('need a private directory');
    expect(await failureOf(host.start(specOf(), never))).toMatchObject({
      kind: 'invalidSpec',
      message,
    });
  });
});

describe('the port at which servers of the original call', () => {
  test('[I5.12] only who names the session of a worker is served; Ping tells nothing', async () => {
    const address = bridge.address() ?? '';
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/u);
    const session = bridge.sessions.open();
    const served = ['InitializeSession', 'CleanupSession', 'RegisterTools'];
    for (const name of [...served, 'GetExposedElixirTools', 'ExecuteElixirTool']) {
      const refused = { code: grpc.status.PERMISSION_DENIED };
      expect(await ask(address, name, { session_id: 'session_1_1' })).toMatchObject(refused);
      expect(await ask(address, name, {})).toMatchObject(refused);
    }
    for (const name of served) {
      expect(await ask(address, name, { session_id: session })).toMatchObject({ success: true });
    }
    expect(await ask(address, 'Ping', { message: 'x' })).toMatchObject({ message: 'pong: x' });
    for (const name of ['GetSession', 'ExecuteTool']) {
      expect(await ask(address, name, { session_id: session })).toMatchObject({
        code: grpc.status.UNIMPLEMENTED,
      });
    }
    const client = createOriginalClient(address);
    expect(await client.heartbeat(session, { deadlineMs: 5_000 })).toBe(true);
    bridge.sessions.close(session);
    expect(await client.heartbeat(session, { deadlineMs: 5_000 })).toBe(false);
    client.close();
  });

  test('[I5.11] is the same after its process was started again', async () => {
    const before = bridge.address();
    const process = system.whereis('snakepit.originalBridge');
    if (process === undefined) throw new Error('it is not there');
    system.exit(process, exitReason.kill);
    await until(async () => {
      const now = system.whereis('snakepit.originalBridge');
      return now !== undefined && now !== process && (await canConnect(bridge.address() ?? ''));
    }, 'its next life');
    expect(bridge.address()).toBe(before);
  });
});

function ask(address: string, name: string, request: object): Promise<unknown> {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = bridgeMethod<object, object>(name);
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      (error: unknown, response: unknown) => {
        client.close();
        resolve(error ?? response);
      },
    );
  });
}
