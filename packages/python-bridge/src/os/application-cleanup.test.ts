import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import {
  carriers,
  createToken,
  endCarriers,
  ignoresTerm,
  until,
  type Token,
} from '../../../../test/fixtures/processes/census.mjs';
import { fixturePath } from '../../../../test/fixtures/processes/host-bench.mjs';
import { applicationCleanup } from './application-cleanup.ts';

const names = [
  'snakepit.application_cleanup.cleanup_success',
  'snakepit.application_cleanup.orphaned_processes_found',
  'snakepit.application_cleanup.emergency_cleanup',
] as const;

let token: Token = createToken();
beforeEach(() => {
  token = createToken();
});
afterEach(() => endCarriers(token));

/** Runs the handler from its start to its end, and gives what it said. */
async function lookAround(run: { marker: string; runId: string } | undefined) {
  const lines: string[] = [];
  const keep =
    (level: string) =>
    (text: string): void =>
      void lines.push(`${level}: ${text}`);
  const logger = {
    ...silentLogger,
    ...{ info: keep('info'), warn: keep('warn'), error: keep('error') },
  };
  const system = createSystem({ logger, longTurnMs: Infinity });
  const events: unknown[] = [];
  system.telemetry.attachMany(names, (measurements, metadata, name) => {
    events.push({ name: name.split('.').at(-1), ...measurements, ...metadata });
  });
  await system.start(applicationCleanup, { run: () => run });
  await system.stop();
  return { lines, events };
}

const duration = expect.any(Number);

describe('applicationCleanup', () => {
  test('[R6.5] [R5.4] [I4.5] kills an orphan that carries the mark of the run, waits for its end, and says so', async () => {
    const marker = `SNAKEPIT_TEST_${token.value}=1`;
    const child = spawn('sleep', ['1000'], {
      env: { [marker.slice(0, -2)]: '1', [token.name]: token.value },
    });
    const ended = once(child, 'exit');
    const { lines, events } = await lookAround({ marker, runId: 'r1' });
    expect(lines).toEqual([
      `warn: processes of this run were left by supervision, and are killed: ${String(child.pid)}`,
    ]);
    expect(events).toEqual([
      { name: 'orphaned_processes_found', count: 1, runId: 'r1', osPids: [child.pid] },
      {
        ...{ name: 'emergency_cleanup', count: 1, survivors: 0, durationMs: duration },
        ...{ runId: 'r1', successful: true },
      },
    ]);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  test('[R6.5] [I4.5] daemons of an orphan, which ignore SIGTERM and left its group, go with it', async () => {
    const marker = `SNAKEPIT_TEST_${token.value}=1`;
    spawn('python3', [fixturePath('outlives_everything.py'), '2'], {
      detached: true,
      stdio: 'ignore',
      env: { ...process.env, [marker.slice(0, -2)]: '1', [token.name]: token.value },
    });
    await until(() => carriers(token).filter(ignoresTerm).length === 3, 'three that ignore TERM');
    const { events } = await lookAround({ marker, runId: 'r1' });
    expect(events).toMatchObject([{ count: 3 }, { count: 3, survivors: 0, successful: true }]);
    expect(carriers(token)).toEqual([]);
  });

  test('[I4.5] normally finds nothing, and says that: neither lookalikes nor prefixes of the mark', async () => {
    const marker = `SNAKEPIT_TEST_${token.value}=1`;
    const child = spawn('sleep', ['1000'], {
      env: {
        [token.name]: token.value,
        [marker.slice(0, -2)]: '12',
        [`X${marker.slice(0, -2)}`]: '1',
        ARGUMENT: marker,
      },
    });
    const { lines, events } = await lookAround({ marker, runId: 'r1' });
    expect(lines).toEqual(['info: no process of this run is left: supervision did its work']);
    expect(events).toEqual([
      { name: 'cleanup_success', count: 0, durationMs: duration, runId: 'r1' },
    ]);
    expect(carriers(token)).toEqual([child.pid]);
  });

  test('has nothing to look for before there is a run', async () => {
    expect(await lookAround(undefined)).toEqual({ lines: [], events: [] });
  });
});
