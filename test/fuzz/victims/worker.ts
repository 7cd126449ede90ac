import { fixturePath, openBench } from '../../fixtures/processes/host-bench.mjs';
import type { Victim } from '../attack.ts';
import { ask } from './ask.ts';
import type { Target } from './target.ts';

const python = fixturePath('../../../.venv/bin/python');
const bridgePath = fixturePath('../../../priv/python');
const adapters = fixturePath('../adapters');

/** Two Python workers, one of which is attacked; the other must not notice. */
export async function openWorkers(): Promise<Target> {
  const bench = openBench();
  const host = bench.createHost();
  const workers = await Promise.all(
    ['attacked', 'other'].map((workerId) => {
      const { command, ...spec } = bench.spec('none');
      if (command === undefined) throw new Error('a bench without a program');
      const ours = { python: { executable: python }, bridgePath, cwd: adapters };
      const own = { workerId, incarnation: workerId, adapter: 'workbench.Workbench' };
      return host.start({ ...spec, ...ours, ...own }, new AbortController().signal);
    }),
  );
  const victims: Victim[] = await Promise.all(
    workers.map(async ({ ready }) => {
      const { target, token } = await ready;
      return { address: target, token };
    }),
  );
  return {
    name: 'a Python worker',
    victims: victims.slice(0, 1),
    pids: workers.map(({ pid }) => pid ?? 0),
    async check() {
      await Promise.all(
        victims.map(async (victim) => {
          await ask(victim, 'Ping', { message: 'well?' });
          await ask(victim, 'ExecuteTool', { session_id: 's1', tool_name: 'pid' });
        }),
      );
    },
    async close() {
      await host.close();
      await bench.close();
    },
  };
}
