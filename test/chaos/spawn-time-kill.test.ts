import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, jest, test } from '@jest/globals';
import { carriers, createToken, endCarriers, until } from '../fixtures/processes/census.mjs';

// A limit for what hangs, not a measure of speed.
jest.setTimeout(300_000);

const at = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url));

const WORKERS = 8;
const ROUNDS = 40;
/** Rounds that run at a time. */
const ABREAST = 4;

/** Kills a runtime with SIGKILL after it has said so many lines and a moment more, and waits until nobody is left. */
async function killWhileSpawning(afterLines: number, momentMs: number): Promise<number> {
  const base = mkdtempSync(join(tmpdir(), 'storm-'));
  const token = createToken();
  const input = JSON.stringify({
    ...{ stateDir: join(base, 'state'), socketDirectory: base, count: WORKERS },
    ...{ python: at('.venv/bin/python'), bridgePath: at('priv/python') },
    // Silent: one that prints would be saved by its broken pipe, which hides the race.
    ...{ cwd: at('test/fixtures/adapters'), adapter: 'workbench.Workbench' },
  });
  const fixtures = at('test/fixtures/processes');
  const program = ['--import', join(fixtures, 'typescript-loader.mjs')];
  const child = spawn(process.execPath, [...program, join(fixtures, 'spawn-storm.mjs'), input], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, [token.name]: token.value },
  });
  const exit = once(child, 'exit');
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    for (let said = 0; said <= afterLines; said += 1) await lines.next();
    await sleep(momentMs);
    child.kill('SIGKILL');
    expect(await exit).toEqual([null, 'SIGKILL']);
    const spawned = carriers(token).length;
    // R1.1 allows five seconds; the kernel needs milliseconds, a half-born Python its start-up.
    await until(() => carriers(token).length === 0, 'every worker gone', 5_000);
    return spawned;
  } finally {
    child.kill('SIGKILL');
    await endCarriers(token);
    rmSync(base, { recursive: true, force: true });
  }
}

describe('the runtime is killed while it spawns workers', () => {
  test(`[R1.1] [R1.5] [I2.6] at any of ${ROUNDS} moments, none of its ${WORKERS} silent workers survives`, async () => {
    const seen: number[] = [];
    const rounds = Array.from({ length: ROUNDS }, (_, round) => round);
    const runNext = async (): Promise<void> => {
      for (let round = rounds.pop(); round !== undefined; round = rounds.pop()) {
        seen.push(await killWhileSpawning(round % (WORKERS + 1), Math.random() * 20));
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, runNext));
    expect(seen).toHaveLength(ROUNDS);
    // The window was hit: workers were there, half-born, when their runtime was dead already.
    expect(Math.max(...seen)).toBeGreaterThan(0);
  });
});
