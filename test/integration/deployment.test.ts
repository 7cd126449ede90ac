import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { silentLogger } from '@snakepit/core';
import { Snakepit, type PoolConfig, type SnakepitConfig } from '@snakepit/python-bridge';
import { parse } from 'yaml';
import { contained, inContainer } from '../fixtures/container.ts';
import { carriers, createToken, endCarriers } from '../fixtures/processes/census.mjs';
import { until } from '../fixtures/snakepit-bench.ts';

// The example of a service as it is deployed, and the files around it.

jest.setTimeout(120_000);

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'examples/deployment');
const PYTHON = join(ROOT, '.venv/bin/python');
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

interface Probe {
  readonly httpGet: { readonly path: string; readonly port: number };
}
interface Pod {
  readonly terminationGracePeriodSeconds: number;
  readonly containers: readonly [
    {
      readonly ports: readonly { readonly containerPort: number }[];
      readonly startupProbe: Probe;
      readonly livenessProbe: Probe;
      readonly readinessProbe: Probe;
      readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: string[] } } };
    },
  ];
}
const { spec } = parse(read('kubernetes.yaml')) as {
  readonly spec: { readonly template: { readonly spec: Pod } };
};
const pod = spec.template.spec;
const [container] = pod.containers;
const probes = [container.startupProbe, container.livenessProbe, container.readinessProbe];

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deployment-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** The service, as a process of its own; `before` is the command that starts it. */
async function withService(
  before: readonly string[],
  use: (service: { readonly url: string; readonly pid: number }) => Promise<void>,
): Promise<{ readonly code: number | null; readonly said: readonly string[]; left: number[] }> {
  const token = createToken();
  // As a volume of a pod is that anybody may write.
  const volume = join(folder, 'volume');
  mkdirSync(volume);
  chmodSync(volume, 0o777);
  const loader = pathToFileURL(join(ROOT, 'scripts/typescript-loader.mjs')).href;
  const [command = '', ...args] = before.concat(process.execPath, '--import', loader, 'main.mjs');
  const child = spawn(command, args, {
    cwd: FOLDER,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...{ PATH: process.env['PATH'], SNAKEPIT_PYTHON: PYTHON, PORT: '0' },
      ...{ HOME: '/nonexistent', TMPDIR: volume, XDG_STATE_HOME: join(volume, 'state') },
      [token.name]: token.value,
    },
  });
  const said: string[] = [];
  const ended = once(child, 'close') as Promise<[number | null]>;
  createInterface({ input: child.stdout }).on('line', (line) => void said.push(line));
  try {
    const port = await until(
      () => /^listening on port (\d+)$/.exec(said[0] ?? '')?.[1],
      'the service to listen',
      60_000,
    );
    await use({ url: `http://127.0.0.1:${port}`, pid: child.pid ?? 0 });
    const [code] = await ended;
    return { code, said, left: carriers(token) };
  } finally {
    await endCarriers(token);
    await ended;
  }
}

/** Asks, and resolves when the service has heard the question: with how to wait for the answer. */
async function asked(url: string): Promise<() => Promise<string>> {
  // Node says `100 Continue` as soon as it has read the headers.
  const question = request(url, { headers: { expect: '100-continue' } });
  const answered = once(question, 'response') as Promise<[IncomingMessage]>;
  const heard = once(question, 'continue');
  question.flushHeaders();
  await heard;
  question.end();
  return async () => text((await answered)[0]);
}

describe('the service', () => {
  test.each([
    ['as an ordinary program', []],
    ['as process 1 of a container', inContainer],
  ])(
    '[R12.1] [T5.3] %s: its probes are answered, SIGTERM loses no answer, and nobody is left',
    async (_how, before) => {
      const ended = await withService(before, async ({ url, pid }) => {
        const status = async (path: string): Promise<number> =>
          (await fetch(`${url}${path}`)).status;
        // Those of the pod, on the port that it opens.
        for (const { httpGet } of probes) {
          expect(httpGet.port).toBe(container.ports[0]?.containerPort);
          await until(
            async () => (await status(httpGet.path)) === 200,
            `${httpGet.path} to answer`,
            60_000,
          );
        }
        const answer = await asked(`${url}/?text=one+two+three&seconds=1`);
        process.kill(before.length > 0 ? contained(pid) : pid, 'SIGTERM');
        expect(await answer()).toBe('3');
      });
      expect(ended).toMatchObject({ code: 0, left: [] });
      expect(ended.said.slice(1)).toEqual(['ready', 'stopped']);
    },
  );
});

describe('the pools', () => {
  test('[R12.1] [T5.3] each of the usual ones starts, serves, and stops', async () => {
    const module = pathToFileURL(join(FOLDER, 'pools.mjs')).href;
    const pools = Object.values((await import(module)) as Readonly<Record<string, PoolConfig>>);
    expect(pools.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['computing', 'model', 'waiting', 'fragile', 'nightly']),
    );
    await using snakepit = await Snakepit.start({
      ...{ pools, python: PYTHON, cwd: FOLDER, stateDir: join(folder, 'state') },
      ...{ logger: silentLogger, handleSignals: false },
    });
    for (const { name } of pools) {
      const tool = name === 'waiting' ? 'wait_words' : 'words';
      expect(await snakepit.execute(tool, { text: 'a b' }, { pool: name })).toBe(2);
    }
  });
});

describe('the files around it', () => {
  test('[R12.1] unit and pod give a stop the time that it may take', async () => {
    const module = pathToFileURL(join(FOLDER, 'snakepit.config.mjs')).href;
    const { default: config } = (await import(module)) as { readonly default: SnakepitConfig };
    const [pool] = config.pools;
    const [, connectionsMs] = /closeAllConnections\(\), ([\d_]+)\)/.exec(read('main.mjs')) ?? [];
    const termMs = 3_000;
    const stopMs =
      Number(connectionsMs?.replaceAll('_', '')) + (pool?.gracefulShutdownTimeout ?? NaN) + termMs;
    expect(Number(connectionsMs?.replaceAll('_', ''))).toBeGreaterThan(pool?.requestTimeout ?? NaN);
    const [, unitSeconds] = /^TimeoutStopSec=(\d+)$/m.exec(read('snakepit-service.service')) ?? [];
    expect(Number(unitSeconds) * 1_000).toBeGreaterThan(stopMs);
    const [sleep, seconds] = container.lifecycle.preStop.exec.command;
    expect(sleep).toBe('sleep');
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(
      Number(seconds) * 1_000 + stopMs,
    );
  });

  test('[R12.1] systemd finds nothing wrong with the unit', () => {
    const unit = join(folder, 'snakepit-service.service');
    writeFileSync(
      unit,
      read('snakepit-service.service').replace('/usr/bin/node', process.execPath),
    );
    const { status, stdout, stderr, error } = spawnSync(
      'systemd-analyze',
      ['verify', '--man=no', unit],
      { encoding: 'utf8' },
    );
    if (error !== undefined) {
      throw new Error(
        'systemd-analyze is missing.\nRemedy: node scripts/debian-packages.mjs systemd',
        {
          cause: error,
        },
      );
    }
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  test('[R12.1] the image starts Node without a shell, below an init, and not as root', () => {
    const lines = read('Dockerfile').split('\n');
    const commands = lines.flatMap((line) => {
      const [, name, json] = /^(ENTRYPOINT|CMD) (.*)$/.exec(line) ?? [];
      return name === undefined ? [] : [[name, JSON.parse(json ?? '') as unknown]];
    });
    expect(commands).toEqual([
      ['ENTRYPOINT', ['tini', '--']],
      ['CMD', ['node', 'main.mjs']],
    ]);
    expect(lines).toContain('USER node');
  });
});
