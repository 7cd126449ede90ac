import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { runCli } from './run-cli.ts';

let root: string;
let env: Record<string, string>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'snakepit-doctor-config-'));
  env = { PATH: join(root, 'bin'), HOME: root };
  const packages = ['grpcio', 'protobuf', 'snakepit_bridge'].map((name) => ({
    name,
    version: '1',
  }));
  const answer = JSON.stringify({ version: '3.11.2', packages });
  await mkdir(join(root, 'bin'));
  // Python as far as the doctor asks it: what it has, and whether an adapter loads.
  await writeFile(
    join(root, 'bin/python3'),
    `#!/bin/sh\ncase "$2" in -c) echo '${answer}' ;; -m) echo '{"ok": true, "tools": ["add"]}' ;; esac\n`,
  );
  await chmod(join(root, 'bin/python3'), 0o755);
});

afterEach(async () => {
  await rm(root, { recursive: true });
});

async function doctor(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const code = await runCli(['doctor', ...args], {
    stdout: { write: (text) => (said.stdout += text) },
    stderr: { write: (text) => (said.stderr += text) },
    env,
    cwd: root,
    takeInterrupts: () => new AbortController().signal,
  });
  return { code, ...said };
}

interface Report {
  readonly ok: boolean;
  readonly findings: readonly {
    readonly id: string;
    readonly ok: boolean;
    readonly detail: string;
  }[];
  readonly configuration: {
    readonly file: string | null;
    readonly values: readonly {
      readonly key: string;
      readonly value: unknown;
      readonly source: string;
    }[];
  };
}

describe('snakepit doctor --config', () => {
  test('[I5.13] explains every key of a JSON file and tries its pools', async () => {
    env['SNAKEPIT_MAX_QUEUE_SIZE'] = '7';
    const config = {
      concurrency: 2,
      pools: [{ name: 'main', adapter: 'a.B', env: { DATABASE_PASSWORD: 'hunter2' } }],
    };
    await writeFile(join(root, 'pit.json'), JSON.stringify(config));
    const { code, stdout, stderr } = await doctor('--config', 'pit.json');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
    expect(lines[0]).toBe(`Configuration ${join(root, 'pit.json')}:`);
    expect(lines).toContain('pools[0].concurrency  2  top level');
    expect(lines).toContain('pools[0].maxQueueSize  7  SNAKEPIT_MAX_QUEUE_SIZE');
    expect(lines).toContain('pools[0].adapter  a.B  pools[0]');
    expect(lines).toContain('pools[0].termTimeout  3000  default');
    expect(lines).toContain('pools[0].env  {"DATABASE_PASSWORD":"***"}  pools[0]');
    expect(stdout).not.toContain('hunter2');
    expect(stdout).toMatch(/^ok {7}a\.B has 1 tools: add$/m);
  });

  test.each([
    ['snakepit.config.js', 'module.exports = CONFIG'],
    ['snakepit.config.mjs', 'export default CONFIG'],
    ['snakepit.config.mjs', 'export const config = CONFIG'],
    ['snakepit.config.cjs', 'module.exports = CONFIG'],
    ['snakepit.config.json', 'CONFIG'],
  ])('[I5.13] finds %s that says %s', async (name, source) => {
    const config = JSON.stringify({ pools: [{ name: 'a', adapter: 'a.B', size: 3 }] });
    await writeFile(join(root, name), source.replace('CONFIG', config));
    const { code, stdout } = await doctor('--json');
    expect(code).toBe(0);
    const { ok, configuration, findings } = JSON.parse(stdout) as Report;
    expect({ ok, file: configuration.file }).toEqual({ ok: true, file: join(root, name) });
    expect(configuration.values).toContainEqual({
      key: 'pools[0].size',
      value: 3,
      meaning: '',
      source: 'pools[0]',
    });
    expect(findings).toContainEqual(expect.objectContaining({ id: 'adapter:a', ok: true }));
  });

  test('[I5.13] a faulty configuration is a problem, exit 1, with every fault', async () => {
    await writeFile(join(root, 'c.json'), '{"pools": [{"name": "a", "sise": 3}]}');
    const { code, stdout } = await doctor('--config', 'c.json');
    expect(code).toBe(1);
    expect(stdout).toContain('problem  pools[0].sise is not an option; did you mean "size"?');
    expect(stdout).toContain('problem  pools[0].adapter is missing;');
    expect(stdout).toContain('-> correct pools[0].sise.');
  });

  test.each([
    ['broken.json', '{', 'SyntaxError'],
    ['broken.mjs', 'throw new Error("no database")', 'no database'],
    ['empty.mjs', 'export const other = 1', 'it exports nothing as `default` or `config`'],
  ])(
    '[I5.13] %s, which holds no configuration, is a problem, exit 1',
    async (name, source, why) => {
      await writeFile(join(root, name), source);
      const { code, stdout } = await doctor('--config', name);
      expect(code).toBe(1);
      expect(stdout).toContain(`problem  ${join(root, name)} cannot be used: `);
      expect(stdout).toContain(why);
    },
  );

  test('[I5.13] a file that is not there is wrong use, exit 2', async () => {
    expect(await doctor('--config', 'nowhere.json')).toEqual({
      code: 2,
      stdout: '',
      stderr: 'error: there is no file nowhere.json (option --config)\n',
    });
  });

  test('[I5.13] without a file it explains what the environment says, if anything', async () => {
    expect((await doctor()).stdout).not.toContain('environment says');
    env['SNAKEPIT_POOL_SIZE'] = '3';
    const { code, stdout } = await doctor();
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^The environment says for every pool:\n\nsize +3 +SNAKEPIT_POOL_SIZE\n\n/,
    );
    env['SNAKEPIT_POOL_SIZE'] = 'three';
    const faulty = await doctor();
    expect(faulty.code).toBe(1);
    expect(faulty.stdout).toContain('problem  SNAKEPIT_POOL_SIZE is "three"; it must be');
  });
});
