import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { renameSync, writeFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createSystem, silentLogger, type ActorSystem } from '@snakepit/core';
import { ended, freePort, REMOTE_TOKEN, startStranger } from '../fixtures/remote-workers.ts';
import { SnakepitBench, until } from '../fixtures/snakepit-bench.ts';
import {
  WorkerStartError,
  type StartFailure,
} from '../../packages/python-bridge/src/hosts/start-failure.ts';
import type { WorkerHost, WorkerSpec } from '../../packages/python-bridge/src/hosts/worker-host.ts';
import { createRemoteHost } from '../../packages/python-bridge/src/hosts/remote/remote-host.ts';
import type { RemotePlaces } from '../../packages/python-bridge/src/hosts/remote/remote-places.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(120_000);

const never = new AbortController().signal;

let bench: SnakepitBench;
let system: ActorSystem;
let address: string;
beforeEach(async () => {
  bench = new SnakepitBench();
  system = createSystem({ logger: silentLogger });
  address = `127.0.0.1:${String(await freePort())}`;
});
afterEach(async () => {
  await system.stop();
  await bench.close();
});

function hostOf(changes: Partial<RemotePlaces> = {}, patienceMs = 60_000): WorkerHost {
  const token = { token: REMOTE_TOKEN, tokenFile: undefined };
  const places = { address: [address], tls: undefined, ...token, ...changes };
  return createRemoteHost({ places, clock: system.clock, patienceMs });
}

const spec: WorkerSpec = {
  ...{ pool: 'far', workerId: 'far_worker_1', incarnation: 'i1', runId: 'r', token: 'unused' },
  ...{ python: { executable: '' }, bridgePath: '', pythonPath: [], adapter: '', adapterArgs: [] },
  ...{ cwd: '/', env: {}, bridge: null },
};

async function failureOf(promise: Promise<unknown>): Promise<StartFailure> {
  const error: unknown = await promise.then(
    () => new Error('it started'),
    (reason: unknown) => reason,
  );
  if (error instanceof WorkerStartError) return error.failure;
  throw error;
}

describe('a remote host', () => {
  test('[I5.12] a start is a connection; its end, told once, frees the address and leaves the worker', async () => {
    const stranger = await startStranger(bench, { listen: address });
    const host = hostOf();
    expect(host.traits).toMatchObject({ remote: true, restartOwner: 'host', exactExit: false });
    const worker = await host.start(spec, never);
    expect(worker.ref).toEqual({
      ...{ host: address, pool: 'far', workerId: 'far_worker_1', incarnation: 'i1' },
    });
    expect(await worker.ready).toMatchObject({
      ...{ target: address, token: REMOTE_TOKEN, pid: stranger.process.pid },
      features: expect.arrayContaining(['frames', 'values']),
      tools: expect.arrayContaining(['add']),
      toolsFingerprint: expect.stringMatching(/./u),
    });
    expect(worker.pid).toBeUndefined();
    const pong = new Promise((resolve) => worker.beats.onPong(resolve));
    worker.beats.ping(7);
    expect(await pong).toMatchObject({ seq: 7, inFlight: 0 });
    expect(await failureOf(host.start(spec, never))).toMatchObject({ kind: 'invalidSpec' });
    await Promise.all([worker.signal('term'), worker.signal('kill')]);
    // In the same turn.
    const again = host.start(spec, never);
    expect(await worker.exited).toEqual({ kind: 'hostLost', confirmed: false });
    await worker.cleaned;
    expect(worker.cleanupMs).toBe(0);
    const successor = await again;
    await host.close();
    expect(await successor.exited).toEqual({ kind: 'hostLost', confirmed: false });
    expect(await failureOf(host.start(spec, never))).toMatchObject({ kind: 'unavailable' });
    expect(stranger.process.exitCode).toBeNull();
  });

  test('[I5.12] who never answered is told of at once; who did is waited for, with the token of then', async () => {
    const tokenFile = bench.path('token');
    const host = hostOf({ token: undefined, tokenFile });
    expect(await failureOf(host.start(spec, never))).toMatchObject({
      ...{ kind: 'invalidSpec', detail: expect.stringContaining(`open '${tokenFile}'`) },
    });
    writeFileSync(tokenFile, REMOTE_TOKEN);
    const unreachable = { kind: 'unreachable', wasReached: false };
    expect(await failureOf(host.start(spec, never))).toMatchObject(unreachable);
    const first = await startStranger(bench, { listen: address });
    const worker = await host.start(spec, never);
    first.process.kill('SIGKILL');
    await ended(first);
    void worker.signal('kill');
    const renewed = 'a'.repeat(32);
    writeFileSync(`${tokenFile}.new`, renewed);
    renameSync(`${tokenFile}.new`, tokenFile);
    const start = host.start(spec, never);
    const env = { SNAKEPIT_TOKEN: renewed };
    const second = await startStranger(bench, { listen: address, env });
    expect(await (await start).ready).toMatchObject({ pid: second.process.pid, token: renewed });
    await host.close();
  });

  test('[I5.12] waiting ends when it is given up, and when patience is over', async () => {
    const stranger = await startStranger(bench, { listen: address });
    const host = hostOf({}, 500);
    void (await host.start(spec, never)).signal('kill');
    stranger.process.kill('SIGKILL');
    await ended(stranger);
    expect(await failureOf(host.start(spec, never))).toMatchObject({
      ...{ kind: 'unreachable', wasReached: true },
    });
    const abort = new AbortController();
    const start = failureOf(hostOf().start(spec, abort.signal));
    abort.abort();
    expect(await start).toMatchObject({ kind: 'aborted' });
    const late = failureOf(host.start(spec, AbortSignal.abort()));
    expect(await late).toMatchObject({ kind: 'aborted' });
    // Nothing of it holds the address.
    const next = await startStranger(bench, { listen: address });
    expect(await (await host.start(spec, never)).ready).toMatchObject({ pid: next.process.pid });
    await host.close();
  });

  test('[I5.12] patience is over in time also where nobody answers', async () => {
    const stranger = await startStranger(bench, { listen: address });
    const patienceMs = 3_000;
    const host = hostOf({}, patienceMs);
    void (await host.start(spec, never)).signal('kill');
    stranger.process.kill('SIGKILL');
    await ended(stranger);
    const held = new Set<Socket>();
    const silent = createServer((socket) => {
      held.add(socket);
      socket.on('close', () => held.delete(socket));
      // A reset is an end, too.
      socket.on('error', () => undefined);
      socket.resume();
    });
    silent.listen(Number(address.split(':')[1]), '127.0.0.1');
    await once(silent, 'listening');
    const startMs = performance.now();
    expect(await failureOf(host.start(spec, never))).toMatchObject({
      ...{ kind: 'unreachable', wasReached: true },
      detail: `the worker at ${address} cannot be reached: it did not answer within 500 ms`,
    });
    // Before the start would count as late and so as failed.
    expect(performance.now() - startMs).toBeLessThan(2 * patienceMs);
    await until(() => held.size === 0, 'no connection to be left');
    silent.close();
  });

  test('[I5.12] another process at the same address is another worker', async () => {
    const first = await startStranger(bench, { listen: address });
    // So that the second one is seen to run for a shorter time.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    const host = hostOf();
    const worker = await host.start(spec, never);
    first.process.kill('SIGKILL');
    await once(first.process, 'exit');
    await startStranger(bench, { listen: address });
    const timer = setInterval(() => {
      worker.beats.ping(1);
    }, 100);
    const exited = await worker.exited;
    clearInterval(timer);
    expect(exited).toMatchObject({ kind: 'unknown', detail: expect.stringMatching(/another/u) });
  });
});
