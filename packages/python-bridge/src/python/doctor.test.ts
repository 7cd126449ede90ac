import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { isDeadState, readProcessStat } from '../os/process-identity.ts';
import { runDoctor } from './doctor.ts';
import type { DoctorPool, Finding } from './doctor.ts';

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'snakepit-doctor-'));
});

afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function fakePython(
  packages: object[],
  health = '{"ok": true, "tools": ["add"]}',
): Promise<string> {
  const path = join(directory, 'python');
  const report = JSON.stringify({ version: '3.11.2', packages });
  await writeFile(
    path,
    `#!/bin/sh\ncase "$2" in\n-c) echo '${report}' ;;\n*) echo '${health}' ;;\nesac\n`,
  );
  await chmod(path, 0o755);
  return path;
}

const complete = ['grpcio', 'protobuf', 'snakepit_bridge'].map((name) => ({
  name,
  version: '1.0',
}));

function poolWith(path: string): DoctorPool {
  const python = { path, source: 'pools[0].python' };
  return { name: 'default', adapter: 'a.B', python, pythonPath: [], cwd: directory, env: {} };
}

async function readWhenWritten(path: string): Promise<number> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text.endsWith('\n')) return Number(text);
    if (performance.now() > deadline) throw new Error(`${path} was not written`);
    await sleep(10);
  }
}

function only(findings: readonly Finding[], id: string): Finding {
  const found = findings.filter((finding) => finding.id === id);
  if (found.length !== 1 || found[0] === undefined) {
    throw new Error(`${found.length} findings ${id}`);
  }
  return found[0];
}

describe('runDoctor', () => {
  test('[I5.7] an adapter of a thread pool is tried as one; a free-threaded Python is named', async () => {
    const path = join(directory, 'python');
    const report = JSON.stringify({ version: '3.14.0', packages: complete, gil: false });
    // Says what it was asked, where an adapter is tried.
    await writeFile(
      path,
      `#!/bin/sh\ncase "$2" in\n-c) echo '${report}' ;;\n*) echo '{"ok": true, "tools": ["'"$*"'"]}' ;;\nesac\n`,
    );
    await chmod(path, 0o755);
    const pool = { ...poolWith(path), profile: 'thread', threadsPerWorker: 6 } as const;
    const findings = await runDoctor({ pools: [pool] });
    expect(only(findings, 'adapter:default').detail).toContain('--adapter a.B --max-workers 6');
    expect(only(findings, 'python-version').detail).toContain('Python 3.14.0, free-threaded;');
  });

  test('[I2.10] all is well: one finding a thing, none with a remedy', async () => {
    const pool = poolWith(await fakePython(complete));
    const second = { ...pool, name: 'second' };
    const findings = await runDoctor({ pools: [pool, second], stateDir: join(directory, 'state') });
    expect(findings.map(({ id }) => id)).toEqual([
      'node',
      'python',
      'python-version',
      'grpcio',
      'protobuf',
      'snakepit_bridge',
      'adapter:default',
      'adapter:second',
      'descendants',
      'state-dir',
      'socket-path',
      'room',
      'protection',
    ]);
    for (const finding of findings) expect(finding).toMatchObject({ ok: true, remedy: '' });
    expect(only(findings, 'adapter:default').detail).toBe('a.B has 1 tools: add');
    expect(only(findings, 'protection').detail).toMatch(
      /measured on linux: record, exit, lifeline/,
    );
  });

  test('the adapter of a server of the original is not tried by ours, its server is looked for', async () => {
    const pool = poolWith(await fakePython(complete, 'no adapter of ours'));
    const there = { ...pool, name: 'there', serverScript: join(directory, 'python') };
    const gone = { ...pool, name: 'gone', serverScript: join(directory, 'gone.py') };
    const findings = await runDoctor({ pools: [there, gone] });
    expect(findings.filter(({ id }) => id.startsWith('adapter:'))).toEqual([]);
    expect(only(findings, 'server:there')).toMatchObject({ ok: true, remedy: '' });
    expect(only(findings, 'server:gone')).toMatchObject({
      ok: false,
      detail: `${gone.serverScript}, the server of pool "gone", is not there; its adapter was not tried`,
      remedy: 'correct pools[].serverScript.',
    });
  });

  test('[I7.1] it is said which way workers are started, why, and what is in the way of forking', async () => {
    const pool = poolWith(await fakePython(complete));
    const pools = [
      { ...pool, name: 'auto', launch: 'auto', preload: ['json', 'csv'] },
      { ...pool, name: 'strict', launch: 'auto', descendants: 'strict' },
      { ...pool, name: 'several', launch: 'auto', size: 2 },
      { ...pool, name: 'one', launch: 'auto', size: 1 },
      { ...pool, name: 'plain', launch: 'spawn' },
      { ...pool, name: 'both', launch: 'spawn', descendants: 'strict' },
      pool,
    ] as const;
    const findings = await runDoctor({ pools, env: {} });
    const told = findings.filter(({ id }) => id.startsWith('launch:'));
    const hindrance = 'with descendants: "strict" each worker has a launcher of its own';
    expect(told).toEqual(
      [
        ['auto', 'forked (nothing is in its way), with json, csv imported before'],
        ['strict', `spawned, because ${hindrance}`],
        ['several', 'forked (nothing is in its way)'],
        [
          'one',
          'spawned, because a fork server costs one worker more than it saves; they could be forked',
        ],
        ['plain', "spawned, because launch is 'spawn'; they could be forked"],
        ['both', `spawned, because launch is 'spawn'; ${hindrance}`],
      ].map(([name = '', how = '']) => ({
        ...{ id: `launch:${name}`, ok: true, remedy: '' },
        detail: `the workers of pool "${name}" are ${how}`,
      })),
    );
  });

  test('[I2.10] a missing package is told with what to type, and the adapter is not tried', async () => {
    const fault = 'ModuleNotFoundError: No module named grpc';
    const pool = poolWith(await fakePython([{ name: 'grpcio', fault }, ...complete.slice(1)]));
    const findings = await runDoctor({ pools: [pool] });
    expect(only(findings, 'grpcio')).toEqual({
      id: 'grpcio',
      ok: false,
      detail: `grpcio cannot be imported: ${fault}`,
      remedy: expect.stringMatching(
        /names this Python, so what `npx snakepit setup` makes would not be used: install it there with `\S+ -m pip install grpcio protobuf`/,
      ),
    });
    expect(findings.some(({ id }) => id.startsWith('adapter'))).toBe(false);
  });

  test('[I4.1] strict descendants that are not possible are a problem only for whoever wants them', async () => {
    const path = await fakePython(complete);
    const launcher = 'case "$*" in *launcher.py*) echo \'snakepit: not here\'; exit 71 ;; esac';
    await writeFile(path, (await readFile(path, 'utf8')).replace('\n', `\n${launcher}\n`));
    const pool = poolWith(path);
    const detail =
      "with descendants: 'strict', descendants of workers cannot be held (not here; not here)";
    expect(only(await runDoctor({ pools: [pool], env: {} }), 'descendants')).toEqual({
      ...{ id: 'descendants', ok: true, detail, remedy: '' },
    });
    const remedy = expect.stringContaining("choose descendants: 'usual'");
    const problem = { id: 'descendants', ok: false, detail, remedy };
    const strict = { ...pool, descendants: 'strict' as const };
    expect(only(await runDoctor({ pools: [strict], env: {} }), 'descendants')).toEqual(problem);
    const env = { SNAKEPIT_DESCENDANTS: 'strict' };
    expect(only(await runDoctor({ pools: [pool], env }), 'descendants')).toEqual(problem);
  });

  test('[I2.10] an adapter that cannot be loaded is told with its traceback', async () => {
    const error = { code: 'ADAPTER_IMPORT', message: 'ValueError: bad', traceback: 'File a.py' };
    const python = await fakePython(complete, JSON.stringify({ ok: false, error }));
    const findings = await runDoctor({ pools: [poolWith(python)] });
    expect(only(findings, 'adapter:default')).toMatchObject({
      ok: false,
      detail: 'a.B: ValueError: bad\nFile a.py',
    });
  });

  test('[I2.7] no Python, an old Node, nowhere to write: each with its remedy', async () => {
    const blocked = join(directory, 'file');
    await writeFile(blocked, '');
    const findings = await runDoctor({
      pools: [poolWith('/nowhere/python')],
      nodeVersion: '18.20.0',
      stateDir: join(blocked, 'state'),
      socketDir: join(directory, 'long'.repeat(40)),
    });
    expect(only(findings, 'node')).toMatchObject({
      ok: false,
      remedy: 'install Node 20.19 or newer.',
    });
    expect(only(findings, 'python').detail).toContain('"/nowhere/python", which does not exist');
    expect(only(findings, 'state-dir').remedy).toContain('SNAKEPIT_STATE_DIR');
    // Too long is no fault: the runtime takes a short one, and the doctor says so.
    expect(only(findings, 'socket-path')).toMatchObject({ ok: true });
    expect(only(findings, 'socket-path').detail).toContain('is too long or cannot be written');
  });

  test('[I2.10] a directory for sockets must have room for the name of the run, too', async () => {
    // With a socket's name alone it would fit into the 103 or 107 bytes of a path.
    const socketDir = join(directory, 'x'.repeat(88 - Buffer.byteLength(directory)));
    const findings = await runDoctor({ pools: [], socketDir });
    expect(only(findings, 'socket-path').detail).toContain('is too long or cannot be written');
    const roomy = await runDoctor({ pools: [], socketDir: directory });
    expect(only(roomy, 'socket-path').detail).toBe(`sockets go below ${directory}`);
  });

  test('without pools it looks at the environment of the project', async () => {
    const findings = await runDoctor({
      projectDir: directory,
      env: { PATH: '', HOME: directory, SNAKEPIT_PYTHON: await fakePython(complete) },
    });
    expect(findings.map(({ id, ok }) => `${id} ${ok ? 'ok' : 'bad'}`)).toEqual([
      'node ok',
      'python ok',
      'python-version ok',
      'grpcio ok',
      'protobuf ok',
      'snakepit_bridge ok',
      'descendants ok',
      'state-dir ok',
      'socket-path ok',
      'room ok',
      'protection ok',
    ]);
    expect(only(findings, 'state-dir').detail).toContain(directory);
  });

  test('[I2.10] a hanging adapter is ended with all that it started, when the user gives up', async () => {
    const pidFile = join(directory, 'pid');
    const report = JSON.stringify({ version: '3.11.2', packages: complete });
    const path = join(directory, 'hanging');
    await writeFile(
      path,
      `#!/bin/sh\nif [ "$2" = -c ]; then echo '${report}'; else sleep 1000 & echo $! > '${pidFile}'; wait; fi\n`,
    );
    await chmod(path, 0o755);
    const controller = new AbortController();
    const ended = runDoctor({ pools: [poolWith(path)], signal: controller.signal }).catch(String);
    const pid = await readWhenWritten(pidFile);
    controller.abort();
    expect(await ended).toContain('AbortError');
    // Gone, or only waiting to be reaped.
    const state = readProcessStat(pid)?.state;
    expect(state === undefined || isDeadState(state)).toBe(true);
  });

  test('it looks at the interpreter that it is told of', async () => {
    const python = { path: '/nowhere/python', source: '--python' };
    const findings = await runDoctor({ python, projectDir: directory });
    expect(only(findings, 'python').detail).toContain('--python names the Python interpreter');
  });
});
