import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { allGone, carriersOf, killAll } from './processes.mjs';

const program = fileURLToPath(new URL('runtime.mjs', import.meta.url));

/** Longest time until all are ready, in milliseconds. */
const startLimitMs = 600_000;

/**
 * Starts a runtime with its workers in a process of its own.
 *
 * @param {{ workers: number, launch: 'fork' | 'spawn', restart?: object }} settings
 * @returns What it can be asked for; `close` ends all that is left, and says how many processes that were.
 */
export async function openRuntime(settings) {
  const token = `SNAKEPIT_BENCH_TOKEN=${randomBytes(8).toString('hex')}`;
  const state = mkdtempSync(join(tmpdir(), 'snakepit-bench-'));
  const child = startProgram({ ...settings, token }, state);
  const ended = once(child, 'exit');
  const close = async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await ended;
    const left = carriersOf(token);
    killAll(left);
    await allGone(left, 10_000);
    rmSync(state, { recursive: true, force: true });
    return left.length;
  };
  try {
    const { readyMs } = await firstWord(child, ended);
    return { pid: child.pid, readyMs, carriers: () => carriersOf(token), ask, kill, close };
  } catch (error) {
    await close();
    throw error;
  }

  /** Has it do something; see the commands there. */
  async function ask(command, args) {
    const id = randomBytes(4).toString('hex');
    const answered = new Promise((resolve, reject) => {
      const hear = (message) => {
        if (message.id !== id) return;
        child.off('message', hear);
        if (message.error === undefined) resolve(message.result);
        else reject(new Error(message.error));
      };
      child.on('message', hear);
      void ended.then(() =>
        reject(new Error(`the runtime has ended before it answered ${command}`)),
      );
    });
    child.send({ id, command, args });
    return answered;
  }

  /** Kills it; how long until the last of its workers is gone, in milliseconds, and how many are not. */
  async function kill(limitMs = 30_000) {
    const pids = carriersOf(token);
    const startMs = performance.now();
    child.kill('SIGKILL');
    const seen = await allGone(pids, limitMs);
    const elapsedMs = performance.now() - startMs;
    await ended;
    return { elapsedMs, workers: pids.length, survivors: Math.max(seen, carriersOf(token).length) };
  }
}

/** One that is killed leaves its records to the next runtime in that directory. */
function startProgram(settings, state) {
  return fork(program, [JSON.stringify(settings)], {
    env: { ...process.env, SNAKEPIT_STATE_DIR: state },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
}

function firstWord(child, ended) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the workers are not ready')), startLimitMs);
    child.once('message', ({ ready }) => resolve(ready));
    child.once('error', reject);
    void ended.then(([code, signal]) => {
      reject(new Error(`the runtime has ended at its start: ${code ?? signal}`));
    });
    void ended.then(() => clearTimeout(timer));
    child.once('message', () => clearTimeout(timer));
  });
}
