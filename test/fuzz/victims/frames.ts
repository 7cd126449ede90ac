import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { until } from '../../fixtures/processes/census.mjs';
import { batch, frame, hello, message, resultOf, resultsOf } from '../frames.ts';
import type { Target } from './target.ts';

const program = fileURLToPath(new URL('frames-program.ts', import.meta.url));
const loader = fileURLToPath(
  new URL('../../fixtures/processes/typescript-loader.mjs', import.meta.url),
);
/** How long the runtime may take to say what it has seen, in milliseconds. */
const patienceMs = 10_000;

/** The calls that nobody gives up: the first two. */
const rightAnswers = 2;

interface Seen {
  readonly good: number;
  readonly violations: readonly string[];
}

/** The runtime as its own workers see it, where they answer its calls in frames. */
export async function openFrames(): Promise<Target> {
  const directory = mkdtempSync(join(tmpdir(), 'fuzz-'));
  const path = join(directory, 'calls.sock');
  const child = spawn(
    process.execPath,
    ['--conditions=@snakepit/source', '--import', loader, program, path],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout });
  await once(lines, 'line');
  const look = async (): Promise<Seen> => {
    const answer = once(lines, 'line', { signal: AbortSignal.timeout(patienceMs) });
    child.stdin.write('look\n');
    const [line] = (await answer) as [string];
    return JSON.parse(line) as Seen;
  };
  return {
    name: 'the runtime, called back by its workers',
    victims: [{ address: `unix:${path}`, token: '' }],
    pids: [child.pid ?? 0],
    async check() {
      const { good } = await look();
      const hasHeard = async (): Promise<boolean> => (await look()).good >= good + rightAnswers;
      await answerWell(path, hasHeard);
      const after = await look();
      if (after.violations.length > 0) throw new Error(after.violations.join(', '));
    },
    async close() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(directory, { recursive: true });
    },
  };
}

async function answerWell(path: string, hasHeard: () => Promise<boolean>): Promise<void> {
  const socket = connect(path).on('error', () => undefined);
  await once(socket, 'connect');
  const results = [
    frame(1, resultOf(Buffer.from('true'))),
    frame(0, resultsOf(Buffer.from('[2,10,true]'))),
  ];
  socket.write(message(batch([hello(), ...results])));
  try {
    await until(hasHeard, 'good answers to be heard', patienceMs);
  } finally {
    socket.destroy();
    if (!socket.closed) await once(socket, 'close');
  }
}
