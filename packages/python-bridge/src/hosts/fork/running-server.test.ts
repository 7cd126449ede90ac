import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import {
  createToken,
  endCarriers,
  isAlive,
  until,
  type Token,
} from '../../../../../test/fixtures/processes/census.mjs';
import { startProcess } from '../../../../../test/fixtures/processes/host-bench.mjs';
import { createDeferred } from '../../deferred.ts';
import { signalGroup } from '../../os/process-killer.ts';
import type { ExitStatus, WorkerHandle, WorkerHost, WorkerSpec } from '../worker-host.ts';
import type { SpawnedWorker } from '../worker-launcher.ts';
import type { ForkServerInput } from './fork-port.ts';
import { RunningServer } from './running-server.ts';

jest.setTimeout(60_000);

const spec: WorkerSpec = {
  ...{ pool: 'p', workerId: 'w1', incarnation: '1', runId: 'r', token: 't', bridge: null },
  ...{ python: { executable: 'python3' }, bridgePath: '/', pythonPath: [], cwd: '/', env: {} },
  ...{ adapter: 'a.A', adapterArgs: [] },
};

/** What a fork server says and hears, without one. */
class StandIn {
  readonly path: string;
  readonly said: Record<string, unknown>[] = [];
  readonly channels: Socket[] = [];
  readonly exited = createDeferred<ExitStatus>();
  readonly signals: string[] = [];
  #control: Socket | undefined;
  readonly #server: Server;
  /** Also those that have said nothing yet: each end of each keeps the event loop alive. */
  readonly #sockets = new Set<Socket>();

  constructor(base: string) {
    this.path = join(base, 's');
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      let head = '';
      socket.on('data', (chunk) => {
        head += chunk.toString();
        this.#hear(socket, head.split('\n').slice(0, -1));
      });
    }).listen(this.path);
  }

  /** A host whose process is this very one. */
  get host(): WorkerHost {
    const ready = { target: `unix:${this.path}`, token: 'secret', pid: process.pid };
    const handle = {
      pid: process.pid,
      startTime: '',
      ready: Promise.resolve(ready),
      exited: this.exited.promise,
      signal: (signal: string) => {
        this.signals.push(signal);
        return Promise.resolve();
      },
    } as unknown as WorkerHandle;
    return { start: () => Promise.resolve(handle) } as unknown as WorkerHost;
  }

  tell(message: object): void {
    this.#control?.write(`${JSON.stringify(message)}\n`);
  }

  tellBytes(text: string): void {
    this.#control?.write(text);
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #hear(socket: Socket, lines: readonly string[]): void {
    if (lines[0] === 'secret control') {
      this.#control = socket;
      this.said.splice(0);
      for (const line of lines.slice(1)) {
        this.said.push(JSON.parse(line) as Record<string, unknown>);
      }
    } else if (lines.length > 0) this.channels.push(socket);
  }
}

let base: string;
let token: Token;
let standIn: StandIn;
let server: RunningServer;
let news: string[];
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'running-server-'));
  token = createToken();
  standIn = new StandIn(base);
  news = [];
  const { host } = standIn;
  const input: ForkServerInput = {
    ...{ pool: 'p', preload: [], isAuto: true, heartbeat: undefined, startupTimeoutMs: 5_000 },
    ...{ spec: () => spec, host: () => host, onReport: () => undefined },
  };
  server = new RunningServer(1, input, {
    onReady: () => news.push('ready'),
    onFailed: (cause) => news.push(`failed ${String(cause)}`),
    onUnreachable: () => news.push('unreachable'),
    onSuspect: () => news.push('suspected'),
    onGone: (why) => news.push(`gone ${why}`),
  });
  await until(() => news.length > 0, 'news');
  expect(news).toEqual(['ready']);
});
afterEach(async () => {
  standIn.close();
  await endCarriers(token);
  rmSync(base, { recursive: true });
});

const launch = (abort = new AbortController()) => server.launch(spec, {}, abort.signal);
const asked = () => until(() => standIn.said.some(({ type }) => type === 'fork'), 'asked');

/** A worker that the server has forked. */
async function forked() {
  const { identity } = startProcess(token, ['sleep', '1000']);
  const launched = launch();
  await asked();
  const { pid, startTime } = identity;
  standIn.tell({ type: 'forked', launch: 1, pid, startTime });
  const spawned = await launched;
  if (spawned === undefined) throw new Error('there is no worker');
  return { pid, spawned };
}

function endOf({ child }: SpawnedWorker): Promise<unknown> {
  return new Promise((resolve) => {
    child.once('exit', (code, signal) => resolve([code, signal]));
  });
}

describe('a fork server', () => {
  test('[WH-3] a number that is a stranger by now is never signalled: not as a worker, nor when its server dies', async () => {
    const { identity } = startProcess(token, ['sleep', '1000']);
    const launched = launch();
    await asked();
    const { pid } = identity;
    standIn.tell({ type: 'forked', launch: 1, pid, startTime: '1' });
    const spawned = await launched;
    expect(spawned?.identity).toMatchObject({ pid, startTime: '1' });
    if (spawned !== undefined) expect(signalGroup(spawned.identity, 'SIGKILL')).toBe('gone');
    const ended = new Promise((resolve) => {
      spawned?.child.once('exit', (code, signal) => resolve([code, signal]));
    });
    standIn.exited.resolve({ kind: 'signalled', signal: 'SIGKILL' });
    expect(await ended).toEqual([null, null]);
    expect(spawned?.child.exitUnknown).toContain('took it along');
    expect(isAlive(pid)).toBe(true);
  });

  test('[I7.3] its death takes along whoever does not die of it, exactly as is told then', async () => {
    const { pid, spawned } = await forked();
    const ended = endOf(spawned);
    standIn.exited.resolve({ kind: 'exited', code: 1 });
    expect(await ended).toEqual([null, 'SIGKILL']);
    expect(isAlive(pid)).toBe(false);
    expect(news.at(-1)).toContain('gone');
  });

  test('[WH-3] [I7.2] an end that is told in the same breath as the start is not lost', async () => {
    const { identity } = startProcess(token, ['sleep', '1000']);
    const launched = launch();
    await asked();
    const { pid, startTime } = identity;
    const forked = { type: 'forked', launch: 1, pid, startTime };
    const end = { type: 'ended', launch: 1, pid, code: 3, signal: null };
    standIn.tellBytes(`${JSON.stringify(forked)}\n${JSON.stringify(end)}\n`);
    const spawned = await launched;
    const ended = new Promise((resolve) => {
      spawned?.child.once('exit', (code, signal) => resolve([code, signal]));
    });
    expect(await ended).toEqual([3, null]);
    expect(server.workers).toBe(0);
  });

  test('[WH-3] [I7.2] an end that is told while this process has no turn is told in time', async () => {
    const { pid, spawned } = await forked();
    const { beats, lifeline } = spawned;
    const ended = endOf(spawned);
    process.kill(pid, 'SIGKILL');
    await until(() => standIn.channels.length === 5, 'connections');
    for (const socket of [beats, lifeline]) socket.resume();
    for (const socket of standIn.channels) socket.destroy();
    await until(() => beats.closed && lifeline.closed && !isAlive(pid), 'the end of everything');
    // After it the timers come first, and only then what can be read.
    setImmediate(() => {
      standIn.tell({ type: 'ended', launch: 1, pid, code: null, signal: 'SIGKILL' });
      for (const untilMs = performance.now() + 1_200; performance.now() < untilMs;);
    });
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  test('[WH-1] [I7.2] who answers a launch that was given up long ago is told that nobody wants it', async () => {
    const { identity } = startProcess(token, ['sleep', '1000']);
    const abort = new AbortController();
    const launched = launch(abort);
    await asked();
    abort.abort();
    await expect(launched).rejects.toMatchObject({ failure: { kind: 'aborted' } });
    await until(() => standIn.said.length === 2, 'what it is told');
    expect(standIn.said[1]).toEqual({ type: 'cancel', launch: 1 });
    await until(() => standIn.channels.length === 5, 'connections');
    await until(() => standIn.channels.every((socket) => socket.closed), 'connections closed');
    const { pid, startTime } = identity;
    standIn.tell({ type: 'forked', launch: 1, pid, startTime });
    await until(() => !isAlive(pid), 'the late one is killed');
    expect(server.workers).toBe(0);
  });

  test('[I7.3] one that hangs answers nobody: another one may try; what it says later is heard', async () => {
    const { pid, spawned } = await forked();
    const second = launch();
    await until(() => standIn.said.length === 2, 'asked again');
    server.retire('hung');
    expect(await second).toBeUndefined();
    expect(standIn.signals).toEqual([]);
    standIn.tell({ type: 'ended', launch: 1, pid, code: null, signal: 'SIGTERM' });
    await until(() => spawned.child.signalCode === 'SIGTERM', 'the end of its last worker');
    expect(standIn.signals).toEqual(['kill']);
  });

  test('[I7.3] one that somebody else has asked to end is told of: another one may try', async () => {
    const launched = launch();
    await asked();
    standIn.tell({ type: 'refused', launch: 1, code: 'STOPPING', message: 'it is asked to stop' });
    expect(await launched).toBeUndefined();
    await until(() => news.includes('unreachable'), 'told of');
    expect(standIn.signals).toEqual([]);
  });

  test('[I7.3] one that is replaced is asked by word: a signal would hit a fork that has yet to leave its group', async () => {
    const { identity } = startProcess(token, ['sleep', '1000']);
    const launched = launch();
    await asked();
    server.retire('planned');
    expect(standIn.said).toHaveLength(1);
    const { pid, startTime } = identity;
    standIn.tell({ type: 'forked', launch: 1, pid, startTime });
    await launched;
    await until(() => standIn.said.length === 2, 'asked to end');
    expect(standIn.said[1]).toEqual({ type: 'stop' });
    expect(standIn.signals).toEqual([]);
    expect(isAlive(pid)).toBe(true);
  });

  test('[I7.3] one that is asked to leave, and has no workers, has time for that', async () => {
    server.retire('planned');
    await until(() => standIn.said.length === 1, 'asked to end');
    // A busy machine may need so long to end a Python.
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(standIn.signals).toEqual([]);
    standIn.exited.resolve({ kind: 'exited', code: 0 });
    await until(() => news.length === 2, 'its end');
    expect(news[1]).toMatch(/^gone .*code 0/u);
  });

  test('[I7.3] one that speaks nonsense is ended', async () => {
    standIn.tellBytes('{"type":"forked","launch":1,"pid":1,"startTime":""}\n');
    await until(() => standIn.signals.length > 0, 'ended');
    expect(standIn.signals).toEqual(['kill']);
  });
});
