import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('beam/snakepit_bench.erl', import.meta.url));

/** Whether Erlang/OTP is here. */
export function hasBeam() {
  try {
    execFileSync('erlc', ['-v'], { stdio: 'ignore' });
    execFileSync('erl', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Compiles the works and starts Erlang on one scheduler, not distributed, so that it listens to nobody.
 *
 * @returns {Promise<{ release: string, run: (work: string, size: number, option: object) => Promise<Record<string, number>>, close: () => Promise<void> }>}
 */
export async function startBeam() {
  const folder = mkdtempSync(join(tmpdir(), 'snakepit-bench-'));
  try {
    execFileSync('erlc', ['-W', '-o', folder, source], { stdio: ['ignore', 'inherit', 'inherit'] });
    return await startCompiled(folder);
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}

async function startCompiled(folder) {
  const argv = ['+S', '1:1', '-noshell', '-pa', folder, '-s', 'snakepit_bench', 'main'];
  const child = spawn('erl', argv, {
    stdio: ['pipe', 'pipe', 'inherit'],
    // No dump into the folder it was started in, should it break.
    env: { ...process.env, ERL_CRASH_DUMP_BYTES: '0' },
  });
  const exited = once(child, 'exit');
  const end = () => {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  };
  process.once('exit', end);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (what) => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`Erlang ended in the middle of ${what}`);
    const figures = JSON.parse(value);
    if (figures.error !== undefined) throw new Error(`Erlang, ${what}: ${figures.error}`);
    return figures;
  };
  const { release } = await answer('its start');
  return {
    release,
    run(work, size, option = {}) {
      child.stdin.write(`${[work, size, ...Object.values(option)].join(' ')}\n`);
      return answer(work);
    },
    async close() {
      process.off('exit', end);
      end();
      await exited;
    },
  };
}
