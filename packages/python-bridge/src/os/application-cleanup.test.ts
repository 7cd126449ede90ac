import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import { applicationCleanup } from './application-cleanup.ts';

async function lookAround(run: { marker: string; runId: string } | undefined) {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (text: string) => void warnings.push(text) };
  const system = createSystem({ logger });
  const events: unknown[] = [];
  system.telemetry.on('snakepit.application_cleanup.cleanup_success', (_, about) => {
    events.push(about);
  });
  system.telemetry.on('snakepit.application_cleanup.orphaned_processes_found', (_, about) => {
    events.push(about);
  });
  await system.start(applicationCleanup, { run: () => run });
  await system.stop();
  return { warnings, events };
}

describe('applicationCleanup', () => {
  test('[R6.5] kills what is left of the run, waits for its end, and says so', async () => {
    const marker = `SNAKEPIT_TEST_${String(process.pid)}=1`;
    const child = spawn('sleep', ['1000'], { env: { [marker.slice(0, -2)]: '1' } });
    try {
      const ended = once(child, 'exit');
      const { warnings, events } = await lookAround({ marker, runId: 'r1' });
      expect(warnings).toEqual([
        `1 processes of this run were left and are killed: ${String(child.pid)}`,
      ]);
      expect(events).toEqual([{ runId: 'r1', osPids: [child.pid] }]);
      expect(await ended).toEqual([null, 'SIGKILL']);
    } finally {
      child.kill('SIGKILL');
    }
  });

  test('says that it found nothing', async () => {
    const { warnings, events } = await lookAround({ marker: 'SNAKEPIT_NOBODY=1', runId: 'r1' });
    expect([warnings, events]).toEqual([[], [{ runId: 'r1' }]]);
  });

  test('has nothing to look for before there is a run', async () => {
    const { warnings, events } = await lookAround(undefined);
    expect([warnings, events]).toEqual([[], []]);
  });
});
