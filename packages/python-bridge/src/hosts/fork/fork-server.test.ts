import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import { isAlive, statOf, until } from '../../../../../test/fixtures/processes/census.mjs';
import { failureOf } from '../../../../../test/fixtures/processes/host-bench.mjs';
import type { Pong, WorkerHandle } from '../worker-host.ts';
import { ForkBench } from './fork-bench.fixture.ts';
import type { ForkServerInput } from './fork-port.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

const heartbeat = {
  pingIntervalMs: 200,
  timeoutThresholdMs: 1_000,
  maxMissed: 3,
  busyTimeoutMs: Infinity,
};

let bench: ForkBench;
afterEach(() => bench.close());

async function open(options: Partial<ForkServerInput> = {}): Promise<number> {
  bench = new ForkBench(options);
  return bench.serving();
}

async function answers(worker: WorkerHandle): Promise<boolean> {
  const pong = new Promise<Pong>((resolve) => worker.beats.onPong(resolve));
  worker.beats.ping(1);
  return (await pong).seq === 1;
}

describe('a server that is lost', () => {
  test('[WH-9] [I7.3] killed, its workers go with it, and the next one takes launches', async () => {
    const first = await open();
    const workers = await Promise.all(Array.from({ length: 5 }, () => bench.start()));
    await Promise.all(workers.map((worker) => worker.ready));
    process.kill(first, 'SIGKILL');
    // Asked for while there is none.
    const next = bench.start();
    for (const worker of workers) {
      const exit = await worker.exited;
      expect(isAlive(worker.pid ?? 0)).toBe(false);
      const asTold =
        exit.kind === 'unknown' ? exit.detail.includes('took it along') : exit.kind === 'signalled';
      expect(asTold).toBe(true);
    }
    const worker = await next;
    await worker.ready;
    expect(bench.serverPid).not.toBe(first);
    expect(statOf(worker.pid ?? 0)?.state).toMatch(/[SRD]/u);
    expect(bench.news.map(({ type }) => type)).toEqual(['serving', 'died', 'serving']);
    expect(bench.news[1]).toMatchObject({ osPid: first, workers: 5 });
    expect(bench.servers.status).toMatchObject({ state: 'serving', workers: 1, losses: 1 });
    await bench.onlyLeft([bench.serverPid, worker.pid ?? 0]);
  });

  test('[I7.3] killed while it is asked to fork, every launch is answered, and nothing is left', async () => {
    const first = await open();
    await bench.pause(first);
    const asked = Array.from({ length: 20 }, () => bench.start({ FORKED_DEED: 'sleep:1000' }));
    const outcomes = Promise.allSettled(asked);
    // Until those that were on their way have asked, and cannot have been answered.
    await until(() => bench.servers.status.waiting === 12, 'eight on their way');
    process.kill(first, 'SIGKILL');
    const pids: number[] = [];
    for (const outcome of await outcomes) {
      if (outcome.status === 'fulfilled') pids.push(outcome.value.pid ?? 0);
    }
    expect(new Set(pids).size).toBe(20);
    await bench.onlyLeft([bench.serverPid, ...pids]);
  });

  test('[I7.3] stopped, it is found by its silence; its workers go on, outdated, until the last one has ended', async () => {
    const first = await open({ heartbeat });
    const [one, other] = await Promise.all([bench.start(), bench.start()]);
    await Promise.all([one.ready, other.ready]);
    await bench.pause(first);
    const waiting = bench.start();
    await bench.serving(2);
    expect(bench.news[1]).toMatchObject({ type: 'hung', osPid: first, workers: 2 });
    // It had been on its way to the silent one.
    const fresh = await waiting;
    await fresh.ready;
    const outdated = [one, other, fresh].map(({ ref }) =>
      bench.servers.isOutdated(ref.incarnation),
    );
    expect(outdated).toEqual([true, true, false]);
    expect(bench.servers.status).toMatchObject({ workers: 1, outdatedWorkers: 2 });
    expect(await answers(one)).toBe(true);
    await one.signal('term');
    // Its server, which would know, says nothing.
    const detail = 'its fork server did not tell how it ended';
    expect(await one.exited).toEqual({ kind: 'unknown', detail });
    expect(isAlive(first)).toBe(true);
    await other.signal('kill');
    await other.exited;
    await until(() => bench.told('retired') === 1, 'the silent one is gone');
    await bench.onlyLeft([bench.serverPid, fresh.pid ?? 0]);
  });

  test('[I7.3] whose socket somebody has removed is replaced; its workers go on meanwhile', async () => {
    const first = await open();
    const worker = await bench.start();
    await worker.ready;
    rmSync(join(bench.bench.sockets, 'w1.sock'));
    const next = await bench.start();
    await next.ready;
    expect(bench.news[1]).toMatchObject({
      ...{ type: 'hung', osPid: first, workers: 1, reason: 'it takes no connections' },
    });
    expect(await answers(worker)).toBe(true);
    expect(bench.servers.isOutdated(worker.ref.incarnation)).toBe(true);
    await worker.signal('term');
    expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
    await bench.onlyLeft([bench.serverPid, next.pid ?? 0]);
  });

  test('[I7.3] whose forks end at once is replaced before a worker is given up, and not again when that did not help', async () => {
    // However long its workers take to die, the second one has not settled by then.
    bench = new ForkBench({ preload: ['poisoned'] }, {}, { settleTimeMs: 600_000 });
    const first = await bench.serving();
    const dies = async (): Promise<void> => {
      const worker = await bench.start();
      expect(await failureOf(worker.ready)).toMatchObject({
        ...{ kind: 'exitedBeforeReady', failed: undefined },
        exit: { kind: 'exited', code: 9 },
      });
    };
    const worker = await bench.start();
    await worker.ready;
    process.kill(bench.serverPid, 'SIGUSR1');
    await dies();
    await dies();
    expect(bench.told('suspected')).toBe(0);
    await dies();
    await until(() => bench.told('suspected') === 1, 'it is suspected');
    const fresh = await bench.start();
    await fresh.ready;
    expect(bench.news.slice(1)).toMatchObject([
      { type: 'suspected', osPid: first, workers: 1 },
      { type: 'serving', osPid: bench.serverPid, isReplacement: true },
    ]);
    expect(bench.serverPid).not.toBe(first);
    expect(await answers(worker)).toBe(true);
    expect(bench.servers.isOutdated(worker.ref.incarnation)).toBe(true);
    const second = bench.serverPid;
    process.kill(bench.serverPid, 'SIGUSR1');
    for (let times = 0; times < 5; times += 1) await dies();
    expect(bench.serverPid).toBe(second);
    expect(bench.told('suspected')).toBe(1);
    await worker.signal('term');
    await worker.exited;
    await bench.onlyLeft([second, fresh.pid ?? 0]);
  });

  test('[I7.3] whose workers say why they cannot start, or are killed, or of which others live, is not suspected', async () => {
    const first = await open();
    const ends = async (deed: string): Promise<void> => {
      const worker = await bench.start({ FORKED_DEED: deed });
      await failureOf(worker.ready);
      await worker.exited;
    };
    for (let times = 0; times < 4; times += 1) await ends('raise');
    for (let times = 0; times < 4; times += 1) await ends('signal:9');
    for (let times = 0; times < 2; times += 1) await ends('exit:7');
    const worker = await bench.start();
    await worker.ready;
    for (let times = 0; times < 2; times += 1) await ends('exit:7');
    expect(bench.news.map(({ type }) => type)).toEqual(['serving']);
    expect(bench.serverPid).toBe(first);
    await ends('signal:11');
    await until(() => bench.told('serving') === 2, 'another one');
    expect(bench.news[1]).toMatchObject({ type: 'suspected', osPid: first });
  });

  test('[WH-3] an end of which the server says nothing is learnt from the system', async () => {
    const server = await open();
    const worker = await bench.start();
    await worker.ready;
    await bench.pause(server);
    process.kill(worker.pid ?? 0, 'SIGKILL');
    const detail = 'its fork server did not tell how it ended';
    expect(await worker.exited).toEqual({ kind: 'unknown', detail });
    process.kill(server, 'SIGCONT');
    // What it says then is of nobody any more.
    const next = await bench.start();
    await next.ready;
    await bench.onlyLeft([server, next.pid ?? 0]);
  });

  test('[WH-1] aborted while its server is stopped, a launch leaves nothing when that goes on', async () => {
    const server = await open();
    await bench.pause(server);
    const abort = new AbortController();
    const started = bench.start({ FORKED_DEED: 'sleep:1000' }, abort.signal);
    const failed = failureOf(started);
    await until(() => bench.servers.status.waiting === 0, 'on its way');
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort.abort();
    expect(await failed).toMatchObject({ kind: 'aborted' });
    process.kill(server, 'SIGCONT');
    const next = await bench.start();
    await next.ready;
    await bench.onlyLeft([server, next.pid ?? 0]);
  });
});

describe('a planned replacement', () => {
  test('[I7.3] serves first; the workers of the one before live on, outdated, and it ends with the last', async () => {
    const first = await open();
    const worker = await bench.start();
    await worker.ready;
    await Promise.all([bench.servers.replace(), bench.servers.replace()]);
    expect(bench.serverPid).not.toBe(first);
    expect(bench.servers.isOutdated(worker.ref.incarnation)).toBe(true);
    expect(await answers(worker)).toBe(true);
    const fresh = await bench.start();
    await fresh.ready;
    expect(bench.servers.isOutdated(fresh.ref.incarnation)).toBe(false);
    await worker.signal('term');
    expect(await worker.exited).toEqual({ kind: 'exited', code: 0 });
    await until(() => bench.told('retired') === 1, 'the one before is gone');
    expect(bench.news.at(-1)).toMatchObject({
      osPid: first,
      reason: expect.stringMatching(/code 0/u),
    });
    expect(bench.told('died')).toBe(0);
    await bench.onlyLeft([bench.serverPid, fresh.pid ?? 0]);
  });

  test('[I7.3] that fails changes nothing, and says why', async () => {
    const preload: string[] = [];
    const first = await open({ preload });
    preload.push('no_such_module');
    expect(await failureOf(bench.servers.replace())).toMatchObject({
      failed: { code: 'PRELOAD_FAILED', traceback: expect.stringContaining('no_such_module') },
    });
    expect(bench.news.at(-1)).toMatchObject({
      ...{ type: 'unavailable', code: 'PRELOAD_FAILED', permanent: true, isServed: true },
    });
    const worker = await bench.start();
    await worker.ready;
    expect(bench.serverPid).toBe(first);
    preload.pop();
    await bench.servers.replace();
    expect(bench.serverPid).not.toBe(first);
    await bench.onlyLeft([first, bench.serverPid, worker.pid ?? 0]);
  });
});

describe('a server that cannot be started', () => {
  test('[I7.1] names the module that did what it must not, to everybody who waits, and is not tried again by itself', async () => {
    const preload = ['threaded_import'];
    bench = new ForkBench({ preload });
    await bench.looked();
    const launches = [bench.start(), bench.start()];
    for (const failure of await Promise.all(launches.map(failureOf))) {
      expect(failure).toMatchObject({
        kind: 'exitedBeforeReady',
        failed: { code: 'PRELOAD_UNSAFE' },
        message: expect.stringMatching(/fork server could not be started: .*threaded_import/u),
      });
    }
    expect(bench.news).toEqual([
      expect.objectContaining({ type: 'unavailable', permanent: true, code: 'PRELOAD_UNSAFE' }),
    ]);
    await until(() => bench.servers.status.state === 'failed', 'at rest');
    await bench.onlyLeft([]);
    // Somebody corrects it, and asks again.
    preload.pop();
    const worker = await bench.start();
    await worker.ready;
    await bench.onlyLeft([bench.serverPid, worker.pid ?? 0]);
  });

  test('[I7.1] has no interpreter: whoever waits is told as if it were a worker', async () => {
    bench = new ForkBench({}, { python: { executable: '/no/such/python' } });
    await bench.looked();
    expect(await failureOf(bench.start())).toMatchObject({ kind: 'interpreterNotFound' });
  });
});

describe('the end', () => {
  test('[I7.3] of the host while launches are on their way leaves nothing, and answers all', async () => {
    const server = await open();
    await bench.pause(server);
    const asked = Array.from({ length: 10 }, () => bench.start({ FORKED_DEED: 'sleep:1000' }));
    const outcomes = Promise.all(asked.map((one) => failureOf(one)));
    await until(() => bench.servers.status.waiting === 2, 'on their way');
    process.kill(server, 'SIGCONT');
    await bench.host.close();
    const kinds = (await outcomes).map(({ kind }) => kind);
    for (const kind of kinds) {
      expect(['aborted', 'unavailable', 'exitedBeforeReady']).toContain(kind);
    }
    await bench.onlyLeft([]);
  });

  test('[I7.3] in order: the server leaves by itself, and who asks then is told', async () => {
    const server = await open();
    const over = bench.system.awaitExit(bench.keeper);
    bench.system.exit(bench.keeper, exitReason.shutdown);
    await until(() => bench.servers.status.state !== 'serving', 'told to stop');
    expect(await failureOf(bench.start())).toMatchObject({ kind: 'unavailable' });
    await over;
    expect(isAlive(server)).toBe(false);
    await bench.onlyLeft([]);
  });

  test('[I7.3] of the process that looks after them, killed: servers and workers are gone', async () => {
    await open();
    const worker = await bench.start();
    await worker.ready;
    bench.system.exit(bench.keeper, exitReason.kill);
    await worker.exited;
    await bench.onlyLeft([]);
    expect(bench.servers.status.state).toBe('stopped');
  });
});
