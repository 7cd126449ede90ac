import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { until } from '../../../../../test/fixtures/processes/census.mjs';
import { fixturePath } from '../../../../../test/fixtures/processes/host-bench.mjs';
import { closeChannels, openChannels } from './fork-channels.ts';

jest.setTimeout(60_000);

let base: string;
let listener: ChildProcess;
let lines: string[];
beforeEach(async () => {
  base = mkdtempSync(join(tmpdir(), 'fork-channels-'));
  listener = spawn('python3', ['-u', fixturePath('slow_listener.py'), join(base, 's')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  lines = [];
  if (listener.stdout !== null) {
    createInterface(listener.stdout).on('line', (line) => lines.push(line));
  }
  await until(() => lines.includes('listening'), 'listening');
});
afterEach(async () => {
  // Its pipes, too: the next test counts descriptors.
  const closed = once(listener, 'close');
  listener.kill('SIGKILL');
  await closed;
  rmSync(base, { recursive: true });
});

const descriptors = (): number => readdirSync('/proc/self/fd').length;

describe('connections of a launch', () => {
  test('[I7.2] wait while the server has no room for them, and each says what it is for', async () => {
    const address = { path: join(base, 's'), token: 'secret' };
    const { signal } = new AbortController();
    let open = 0;
    const opening = [1, 2].map(async (launch) => {
      const channels = await openChannels(address, launch, launch === 1, signal);
      open += 1;
      return channels;
    });
    // More than the kernel keeps for a server that takes none.
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(open).toBe(0);
    listener.stdin?.write('go\n');
    const channels = await Promise.all(opening);
    await until(() => lines.length === 10, 'all have come');
    const said = lines.slice(1).sort();
    expect(said).toEqual(
      [
        ...['beats', 'calls', 'lifeline', 'stderr', 'stdout'].map((role) => `secret 1 ${role}`),
        ...['beats', 'lifeline', 'stderr', 'stdout'].map((role) => `secret 2 ${role}`),
      ].sort(),
    );
    for (const one of channels) closeChannels(one);
  });

  test('[WH-1] [I7.2] given up while they wait, all are closed', async () => {
    const address = { path: join(base, 's'), token: 'secret' };
    const before = descriptors();
    const abort = new AbortController();
    const opening = openChannels(address, 1, true, abort.signal);
    const failed = opening.catch((error: unknown) => error);
    await until(() => descriptors() > before, 'some are open');
    const reason = new Error('nobody wants it');
    abort.abort(reason);
    expect(await failed).toBe(reason);
    await until(() => descriptors() === before, 'all are closed');
  });

  test('[I7.2] to nobody are refused, and none is left', async () => {
    const before = descriptors();
    const { signal } = new AbortController();
    const address = { path: join(base, 'nobody'), token: 'secret' };
    await expect(openChannels(address, 1, true, signal)).rejects.toMatchObject({ code: 'ENOENT' });
    await until(() => descriptors() === before, 'all are closed');
  });
});
