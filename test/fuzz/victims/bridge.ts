import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Victim } from '../attack.ts';
import { ask } from './ask.ts';
import type { Target } from './target.ts';

const program = fileURLToPath(new URL('bridge-program.ts', import.meta.url));
const loader = fileURLToPath(
  new URL('../../fixtures/processes/typescript-loader.mjs', import.meta.url),
);

interface Said {
  readonly bridge: Victim;
  readonly originals: Victim;
}

/** The runtime, where Python calls it: our workers on a socket, servers of the original on a port. */
export async function openBridge(): Promise<Target> {
  const child = spawn(
    process.execPath,
    ['--conditions=@snakepit/source', '--import', loader, program],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const { bridge, originals } = JSON.parse(line.toString()) as Said;
  return {
    name: 'the runtime, called by Python',
    victims: [bridge, originals],
    pids: [child.pid ?? 0],
    async check() {
      const session = { session_id: originals.token };
      await Promise.all([
        ask(bridge, 'Ping', { message: 'well?' }),
        ask(bridge, 'GetExposedElixirTools', { session_id: 's1' }),
        ask(originals, 'Heartbeat', session),
      ]);
    },
    async close() {
      const ended = once(child, 'exit');
      child.stdin.end();
      const [code] = (await ended) as [number | null];
      if (code !== 0) throw new Error(`the runtime ended with ${code ?? 'a signal'}`);
    },
  };
}
