import { mkdtemp, readFile, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { holdSetupLock } from './setup-lock.ts';

let directory: string;
let path: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snakepit-lock-'));
  path = join(directory, 'setup.lock');
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

// Twenty at once; each that does not get it says who has it.
async function holdAtOnce(): Promise<readonly (() => Promise<void>)[]> {
  const attempts = Array.from({ length: 20 }, () => holdSetupLock(path));
  const settled = await Promise.allSettled(attempts);
  const refused = settled.filter((one) => one.status === 'rejected');
  for (const { reason } of refused) {
    expect(String(reason)).toContain(`process ${process.pid} is setting up`);
  }
  return settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

describe('holdSetupLock', () => {
  test('[I2.10] of many at once one gets it, and gives it back', async () => {
    const held = await holdAtOnce();
    expect(held).toHaveLength(1);
    await held[0]?.();
    expect(await readdir(directory)).toEqual([]);
    const release = await holdSetupLock(path);
    await release();
  });

  test('[I2.10] of many at once one takes over what a killed process left', async () => {
    // No process has this pid: it is above the limit of Linux.
    await writeFile(path, '4194999');
    const held = await holdAtOnce();
    expect(held).toHaveLength(1);
    await held[0]?.();
    expect(await readdir(directory)).toEqual([]);
  });

  test('[I2.10] a lock whose holder’s number was given to another process is taken over', async () => {
    const release = await holdSetupLock(path);
    expect(await readFile(path, 'utf8')).toMatch(/^\d+ \S/);
    // As after a restart of the machine: this pid lives, and is not the holder.
    await writeFile(path, `${process.pid} 1`);
    const again = await holdSetupLock(path);
    await again();
    await release();
    expect(await readdir(directory)).toEqual([]);
  });

  test('a lock that says nothing usable is taken over', async () => {
    for (const text of ['', 'null', '-1', '0 5', `${process.pid}x`]) {
      await writeFile(path, text);
      await (
        await holdSetupLock(path)
      )();
    }
  });

  test('who was killed while taking over is in nobody’s way for long', async () => {
    await writeFile(path, '4194999');
    await writeFile(`${path}.takeover`, '4194998');
    const longAgo = new Date(Date.now() - 60_000);
    await utimes(`${path}.takeover`, longAgo, longAgo);
    const release = await holdSetupLock(path);
    await release();
    expect(await readdir(directory)).toEqual([]);
  });
});
