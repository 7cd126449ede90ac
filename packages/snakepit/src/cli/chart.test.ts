import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCli } from './run-cli.ts';

let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'chart-'));
  const xstate = pathToFileURL(createRequire(import.meta.url).resolve('xstate')).href;
  writeFileSync(
    join(directory, 'my.machine.mjs'),
    `import xstate from '${xstate}';
     const { createMachine } = xstate;
     export const door = createMachine({ id: 'door', initial: 'shut', states: { shut: {} } });
     export const light = createMachine({ id: 'light', initial: 'off', states: { off: {} } });
     export const other = 5;`,
  );
  writeFileSync(join(directory, 'none.mjs'), 'export const other = 5;');
  writeFileSync(join(directory, 'broken.mjs'), 'throw new Error("of mine");');
  writeFileSync(join(directory, 'thrown.mjs'), 'throw "a text";');
});
afterAll(() => {
  rmSync(directory, { recursive: true });
});

async function chart(...args: string[]) {
  const told = { stdout: '', stderr: '' };
  const code = await runCli(['chart', ...args], {
    stdout: { write: (text) => (told.stdout += text) },
    stderr: { write: (text) => (told.stderr += text) },
    env: {},
    cwd: directory,
    takeInterrupts: () => new AbortController().signal,
  });
  return { code, ...told };
}

describe('snakepit chart', () => {
  test('[I6.8] lists what there is, and writes each of it', async () => {
    const { code, stdout } = await chart('--list');
    const ids = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(ids).toEqual(expect.arrayContaining(['grpcWorker', 'heartbeatMonitor', 'supervisor']));
    expect(ids).toEqual([...ids].sort());
    for (const id of ids) {
      const { stdout: text } = await chart(id);
      expect(text).toMatch(/^stateDiagram-v2\n/);
    }
  });

  test.each([
    ['mermaid', /^stateDiagram-v2\n {2}state "/],
    ['scxml', /^<\?xml .*\n<scxml xmlns="http:\/\/www\.w3\.org\/2005\/07\/scxml"/],
    ['json', /^\{\n {2}"initial": "/],
    ['svg', /^<svg [^>]*>.*<\/svg>\n$/s],
    ['dot', /^digraph "grpcWorker" \{/],
  ])('[I6.8] --format %s', async (format, expected) => {
    const { code, stdout, stderr } = await chart('grpcWorker', '--format', format);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(expected);
  });

  test('[I6.8] into a file', async () => {
    expect(await chart('supervisor', '-o', 'new/supervisor.mmd')).toEqual({
      ...{ code: 0, stdout: '', stderr: '' },
    });
    const text = readFileSync(join(directory, 'new/supervisor.mmd'), 'utf8');
    expect(text).toBe((await chart('supervisor')).stdout);
    expect(await chart('supervisor', '-o', 'none.mjs/x')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot be written: '),
    });
  });

  test('[I6.8] a machine of a module, by its export or by its id', async () => {
    const door = await chart('--module', './my.machine.mjs#door');
    expect(door).toMatchObject({ code: 0, stdout: expect.stringContaining('"shut"') });
    expect(await chart('door', '--module', './my.machine.mjs')).toEqual(door);
    expect((await chart('--list', '--module', 'my.machine.mjs')).stdout).toBe('door\nlight\n');
  });

  test.each([
    [['grpcWorkr'], 'there is no machine grpcWorkr; did you mean grpcWorker, '],
    [['breaker'], 'did you mean circuitBreaker, '],
    [[], 'which one? '],
    [['--format', 'png', 'supervisor'], 'Allowed choices are mermaid, scxml, json, svg, dot'],
    [['--module', './my.machine.mjs'], 'which one? door, light'],
    [['--module', './my.machine.mjs#other'], 'exports no state machine other: door, light'],
    [['--module', './none.mjs'], 'exports no state machine\n'],
    [['--module', './broken.mjs'], 'broken.mjs cannot be loaded: of mine'],
    [['--module', './thrown.mjs'], 'thrown.mjs cannot be loaded: a text'],
    [['--module', './nowhere.mjs#x'], 'nowhere.mjs cannot be loaded: '],
  ])('[I6.8] wrong use is told with what is right: %p', async (args, expected) => {
    const { code, stdout, stderr } = await chart(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(expected);
  });
});
