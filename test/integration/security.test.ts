import { spawnSync } from 'node:child_process';
import { chmodSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { Logger } from '@snakepit/core';
import { osPidOf, SnakepitBench } from '../fixtures/snakepit-bench.ts';

// What others on this machine can see and reach of a real run.

jest.setTimeout(60_000);

const originals = fileURLToPath(new URL('../fixtures/snakepit-0.13/', import.meta.url));
const isRoot = process.getuid?.() === 0;
/** The user `nobody`. */
const stranger = 65_534;

let bench: SnakepitBench;
beforeEach(() => {
  bench = new SnakepitBench();
});
afterEach(() => bench.close());

/** A logger of everything. */
function recorder(lines: string[]): Logger {
  const keep = (text: string, details?: unknown): void => {
    lines.push(`${text} ${JSON.stringify(details ?? {}, shown)}`);
  };
  return { debug: keep, info: keep, warn: keep, error: keep };
}

function shown(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return [String(value), value.stack, ...Object.values(value).map(String)];
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) => {
    const place = join(path, entry.name);
    if (entry.isDirectory()) return [place, ...filesBelow(place)];
    return [place];
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

describe('secrets', () => {
  test('[I5.12] tokens are in no command line, no environment, no file and no log', async () => {
    const lines: string[] = [];
    const snakepit = await bench.start(
      { adapter: 'snoop.Snoop', size: 2, watchdog: true },
      { logger: recorder(lines) },
    );
    const secrets = await snakepit.execute<string[]>('secrets');
    // Its own, and the one that it shows when it calls Node.
    expect(secrets.length).toBeGreaterThanOrEqual(2);
    await snakepit.execute('talk', { text: 'something to log' });
    await snakepit.execute('no_such_tool').catch(() => undefined);
    await snakepit.restartWorker('default_worker_1');
    process.kill(osPidOf(snakepit, 1), 'SIGKILL');
    await snakepit.awaitReady();
    const processes = readdirSync('/proc').filter((name) => /^\d+$/u.test(name));
    const seen = [
      ...processes.flatMap((pid) => [
        textOf(`/proc/${pid}/cmdline`),
        textOf(`/proc/${pid}/environ`),
      ]),
      ...filesBelow(bench.base).map(textOf),
      JSON.stringify([snakepit.stats(), snakepit.workers(), snakepit.health()]),
      ...lines,
    ];
    expect(lines.join('\n')).toContain('something to log');
    for (const secret of secrets) expect(seen.filter((text) => text.includes(secret))).toEqual([]);
  });
});

describe('the environment of workers', () => {
  test('[I5.12] with envAllow they inherit what is named, and what every program needs', async () => {
    process.env['SEC_TEST_KEY'] = 'k';
    process.env['SEC_TEST_OTHER'] = 'o';
    try {
      const snakepit = await bench.startAll([
        { name: 'few', adapter: 'snoop.Snoop', envAllow: ['SEC_TEST_K*'], env: { MINE: 'm' } },
        { name: 'all', adapter: 'snoop.Snoop' },
      ]);
      type Env = Record<string, string | undefined>;
      const few = await snakepit.execute<Env>('environment', {}, { pool: 'few' });
      expect(few).toMatchObject({ SEC_TEST_KEY: 'k', MINE: 'm', PATH: process.env['PATH'] });
      expect(few['SEC_TEST_OTHER']).toBeUndefined();
      const all = await snakepit.execute<Env>('environment', {}, { pool: 'all' });
      expect(all).toMatchObject({ SEC_TEST_KEY: 'k', SEC_TEST_OTHER: 'o' });
    } finally {
      delete process.env['SEC_TEST_KEY'];
      delete process.env['SEC_TEST_OTHER'];
    }
  });
});

/** Local addresses, as the kernel writes them, on which a process listens by TCP. */
function listeners(pid: number): string[] {
  const inodes = new Set(
    readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/u.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    }),
  );
  return ['tcp', 'tcp6'].flatMap((table) =>
    textOf(`/proc/${pid}/net/${table}`)
      .split('\n')
      .map((line) => line.trim().split(/\s+/u))
      // State 0A is LISTEN.
      .filter((fields) => fields[3] === '0A' && inodes.has(fields[9] ?? ''))
      .map((fields) => fields[1] ?? ''),
  );
}

describe('listeners', () => {
  test('[I5.12] nobody listens on a port, but for servers of the original, and for those on loopback', async () => {
    const before = listeners(process.pid);
    await bench.start({ size: 2, watchdog: true });
    const pids = [process.pid, ...bench.processes()];
    expect(pids.length).toBeGreaterThanOrEqual(3);
    expect(pids.flatMap(listeners)).toEqual(before);
    const serverScript = join(originals, 'grpc_server.py');
    const original = { compat: 'snakepit-0.13', serverScript, cwd: originals } as const;
    await bench.start(
      { name: 'old', adapter: 'workshop_adapter.Workshop', ...original },
      { stateDir: bench.path('other') },
    );
    const added = listeners(process.pid).filter((address) => !before.includes(address));
    expect(added).toEqual([expect.stringMatching(/^0100007F:/u)]);
  });
});

/** What a stranger tries, in a shell's words; answers what he got. */
const attempts = `
import json, os, socket, sys
paths = json.loads(sys.argv[1])
got = []
for path in paths:
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).read()
        got.append("read " + path)
    except OSError:
        pass
    try:
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
        got.append("connected " + path)
    except OSError:
        pass
for pid in json.loads(sys.argv[2]):
    for name in ("environ", "mem", "fd"):
        try:
            path = f"/proc/{pid}/{name}"
            os.listdir(path) if name == "fd" else open(path, "rb").read(1)
            got.append("read " + path)
        except OSError:
            pass
    try:
        os.kill(pid, 0)
        got.append(f"may signal {pid}")
    except OSError:
        pass
print(json.dumps({"uid": os.getuid(), "got": got}))
`;

describe('another user of this machine', () => {
  const title = isRoot
    ? 'can neither connect, nor read records, environments or memory, nor signal anybody'
    : 'is not tried, for want of root: permissions are looked at instead';

  test(`[I5.12] ${title}`, async () => {
    await bench.start({ size: 2 });
    const snakepit = await bench.start({ name: 'second' }, { stateDir: bench.path('other') });
    expect(snakepit.workers()).toHaveLength(1);
    // Only what we made ourselves may stand in the way.
    chmodSync(bench.base, 0o755);
    const paths = filesBelow(bench.base);
    const sockets = paths.filter((path) => statSync(path).isSocket());
    expect(sockets.length).toBeGreaterThanOrEqual(2);
    for (const path of paths) {
      const stats = statSync(path);
      expect([path, (stats.mode & 0o077).toString(8)]).toEqual([path, '0']);
    }
    if (!isRoot) return;
    const arguments_ = [paths, bench.processes()].map((list) => JSON.stringify(list));
    const attempt = (user: object): { readonly uid: number; readonly got: string[] } => {
      const program = ['-I', '-S', '-c', attempts, ...arguments_];
      const options = { cwd: '/', env: {}, encoding: 'utf8', ...user } as const;
      const { stdout, stderr } = spawnSync('/usr/bin/python3', program, options);
      expect(stderr).toBe('');
      return JSON.parse(stdout) as { uid: number; got: string[] };
    };
    expect(attempt({ uid: stranger, gid: stranger })).toEqual({ uid: stranger, got: [] });
    // The same as ourselves: so it would have been seen.
    const { got } = attempt({});
    for (const path of sockets) expect(got).toContain(`connected ${path}`);
    expect(got).toContainEqual(expect.stringMatching(/^read .*\/worker-[0-9a-f]{32}\.json$/u));
  });
});
