import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { carriers, isAlive, until } from '../../../../../test/fixtures/processes/census.mjs';
import {
  failureOf,
  openBench,
  type Bench,
} from '../../../../../test/fixtures/processes/host-bench.mjs';
import { createDeferred } from '../../deferred.ts';
import type { WorkerSpec } from '../worker-host.ts';
import type { SpawnedWorker, WorkerLauncher } from '../worker-launcher.ts';
import { spawnOrThrow } from './spawn-worker.ts';

jest.setTimeout(60_000);

const never = new AbortController().signal;

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

/** A launcher that makes its process when the test says so, whoever has given it up by then. */
function slowLauncher() {
  const go = createDeferred<undefined>();
  const asked = createDeferred<AbortSignal>();
  const launcher: WorkerLauncher = {
    async launch(spec, env, abort): Promise<SpawnedWorker> {
      asked.resolve(abort);
      await go.promise;
      return spawnOrThrow(spec, env);
    },
  };
  const spec: WorkerSpec = { ...bench.spec('ready_then_idle.py'), launcher };
  return { spec, go, asked: asked.promise };
}

describe('a worker whose process somebody else makes', () => {
  test('[WH-1] [I7.2] is recorded before, has its slot from the beginning, and is as any other', async () => {
    const host = bench.createHost({ maxWorkers: 1 });
    const { spec, go, asked } = slowLauncher();
    const started = host.start(spec, never);
    await asked;
    expect(bench.recordedWorkers()).toHaveLength(1);
    const another = host.start(bench.spec('ready_then_idle.py'), never);
    expect(await failureOf(another)).toMatchObject({ kind: 'unavailable' });
    go.resolve(undefined);
    const worker = await started;
    expect(await worker.ready).toMatchObject({ pid: worker.pid });
    await worker.signal('term');
    expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
    await worker.cleaned;
    expect(bench.recordedWorkers()).toEqual([]);
    const next = await host.start(bench.spec('ready_then_idle.py'), never);
    await next.ready;
  });

  test('[WH-1] [I7.2] given up while it is made, and made all the same, is gone before that is told', async () => {
    const host = bench.createHost();
    const { spec, go, asked } = slowLauncher();
    const abort = new AbortController();
    const started = host.start(spec, abort.signal);
    const signal = await asked;
    abort.abort();
    expect(signal.aborted).toBe(true);
    go.resolve(undefined);
    expect(await failureOf(started)).toMatchObject({
      kind: 'aborted',
      ended: { exit: { kind: 'signalled', signal: 'SIGKILL' } },
    });
    expect(carriers(bench.token)).toEqual([]);
    await until(() => bench.recordedWorkers().length === 0, 'its record is gone');
  });

  test('[WH-1] [I7.3] is gone when its host is closed, though it was made meanwhile', async () => {
    const host = bench.createHost();
    const { spec, go, asked } = slowLauncher();
    const failed = failureOf(host.start(spec, never));
    const signal = await asked;
    const closed = host.close();
    expect(signal.aborted).toBe(true);
    go.resolve(undefined);
    expect(['unavailable', 'exitedBeforeReady']).toContain((await failed).kind);
    await closed;
    expect(carriers(bench.token)).toEqual([]);
    expect(bench.recordedWorkers()).toEqual([]);
  });

  test('[WH-1] that cannot be made leaves neither record nor slot', async () => {
    const host = bench.createHost({ maxWorkers: 1 });
    const refusal = Object.assign(new Error('no more processes'), { code: 'EAGAIN' });
    const launcher = { launch: () => Promise.reject(refusal) };
    const spec = { ...bench.spec('ready_then_idle.py'), launcher };
    expect(await failureOf(host.start(spec, never))).toMatchObject({
      ...{ kind: 'spawnFailed', code: 'EAGAIN', detail: 'no more processes' },
    });
    expect(bench.recordedWorkers()).toEqual([]);
    const worker = await host.start(bench.spec('ready_then_idle.py'), never);
    await worker.ready;
    expect(isAlive(worker.pid ?? 0)).toBe(true);
  });
});
