import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { carriers, until } from '../../../../../test/fixtures/processes/census.mjs';
import { openBench, type Bench } from '../../../../../test/fixtures/processes/host-bench.mjs';
import { currentPlatform } from '../../os/platform/current.ts';
import type { KillSignal, Platform } from '../../os/platform/platform.ts';
import type { WorkerSpec } from '../worker-host.ts';

// Everything here waits for real processes, which takes its time on a busy machine.
jest.setTimeout(60_000);

const ROOT = join(import.meta.dirname, '../../../../..');
const never = new AbortController().signal;

let bench: Bench;
beforeEach(() => {
  bench = openBench();
});
afterEach(() => bench.close());

/** This system, as if it could deliver nothing but the end, as Windows can. */
function withoutSignals(): { readonly platform: Platform; readonly sent: KillSignal[] } {
  const sent: KillSignal[] = [];
  const platform: Platform = {
    ...currentPlatform,
    gracefulAsk: 'message',
    signalGroup(groupId, signal) {
      sent.push(signal);
      return signal === 'SIGKILL' ? currentPlatform.signalGroup(groupId, signal) : 'unsupported';
    },
  };
  return { platform, sent };
}

/** A worker of the real bridge, which knows the message. */
function bridgeSpec(): WorkerSpec {
  const spec = bench.spec('');
  const args = ['--snakepit-run-id', spec.runId, '--worker-id', spec.workerId];
  return {
    ...spec,
    bridgePath: join(ROOT, 'priv/python'),
    pythonPath: [join(ROOT, 'test/fixtures/adapters')],
    command: [
      ...([join(ROOT, '.venv/bin/python'), '-u', '-m', 'snakepit_bridge'] as const),
      ...['--adapter', 'workbench.Workbench', ...args],
    ],
  };
}

describe('a worker that no signal can ask', () => {
  test('[R3.5] [R7.3] is asked on its beat channel, and stops in order', async () => {
    const { platform, sent } = withoutSignals();
    const host = bench.createHost({ platform, socketDirectory: undefined });
    const worker = await host.start(bridgeSpec(), never);
    await worker.ready;
    await worker.signal('term');
    expect(await worker.exited).toMatchObject({ code: 0 });
    expect(sent.filter((signal) => signal !== 'SIGKILL')).toEqual([]);
    expect(carriers(bench.token)).toEqual([]);
  });

  test('[R10.4] is killed when it cannot even be told', async () => {
    const { platform, sent } = withoutSignals();
    const host = bench.createHost({ platform });
    const worker = await host.start(bench.spec('closes_its_beats.py'), never);
    await worker.ready;
    let exit: unknown;
    void worker.exited.then((status) => (exit = status));
    // It has closed its end; asked before ours has heard of that, it is asked once more.
    await until(async () => {
      await worker.signal('term');
      return exit !== undefined;
    }, 'end of the worker');
    expect(exit).toMatchObject({ signal: 'SIGKILL' });
    expect(sent.slice(0, 2)).toEqual(['SIGTERM', 'SIGKILL']);
  });
});
