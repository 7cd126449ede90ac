import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger, type ActorSystem, type HealthCheck } from '@snakepit/core';
import { announceObserver, observe, type Observer } from '@snakepit/observer';
import { runCli } from './run-cli.ts';

let directory: string;
let system: ActorSystem;
let observer: Observer;
let check: HealthCheck;
const before = process.env['SNAKEPIT_STATE_DIR'];

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'status-'));
  process.env['SNAKEPIT_STATE_DIR'] = directory;
  system = createSystem({ name: 'shop', logger: silentLogger });
  const worker = {
    name: 'worker w1',
    status: 'ok',
    isStarted: true,
    message: 'it serves',
  } as const;
  check = { name: 'pool a', status: 'ok', isStarted: true, message: '1 of 1', parts: [worker] };
  system.observation.addSource({ name: 'fake', checks: () => [check] });
  observer = await observe(system);
});
afterEach(async () => {
  await observer.close();
  await system.stop();
  if (before === undefined) delete process.env['SNAKEPIT_STATE_DIR'];
  else process.env['SNAKEPIT_STATE_DIR'] = before;
  rmSync(directory, { recursive: true });
});

async function status(...args: string[]) {
  const told = { stdout: '', stderr: '' };
  const code = await runCli(['status', ...args], {
    stdout: { write: (text) => (told.stdout += text) },
    stderr: { write: (text) => (told.stderr += text) },
    env: process.env,
    cwd: directory,
    takeInterrupts: () => new AbortController().signal,
  });
  return { code, ...told };
}
const token = (): string => new URL(observer.url).hash.replace('#token=', '');

describe('snakepit status', () => {
  test('[I6.4] finds the observed systems of this user, and says how they are', async () => {
    const { code, stdout } = await status();
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^shop at http:\/\/127\.0\.0\.1:\d+, process \d+: ok, \d+ processes\n {2}ok {8}pool a {28}1 of 1\n {4}ok {8}worker w1/,
    );
    // Who may read the output may not act for it.
    expect(stdout).not.toContain(token());
  });

  test('[I6.4] exits with 1 when something is wrong, and says what to do', async () => {
    check = { ...check, status: 'down', message: '0 of 1', remedy: 'see its workers.' };
    const { code, stdout } = await status();
    expect(code).toBe(1);
    expect(stdout).toContain('0 of 1\n            -> see its workers.\n');
    const json = await status('--json');
    expect(json.code).toBe(1);
    expect(json.stdout).not.toContain(token());
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      systems: [
        {
          system: 'shop',
          pid: process.pid,
          processes: { status: 'down' },
          workers: { counts: { total: 1, ok: 1 } },
        },
      ],
    });
  });

  test('[I6.4] what others wrote gives no orders to the terminal', async () => {
    check = { ...check, message: 'it said \u001b]0;title\u0007\u009b2J', remedy: 'one\ntwo' };
    const { stdout } = await status();
    expect(stdout).toContain('it said  ]0;title 2J\n            -> one two\n');
  });

  test('[I6.4] an address with the token from a file, which is in no command line', async () => {
    const { origin } = new URL(observer.url);
    expect((await status('--url', origin)).code).toBe(0);
    const file = join(directory, 'token');
    writeFileSync(file, `${token()}\n`, { mode: 0o600 });
    expect((await status('--url', origin, '--token-file', file)).code).toBe(0);
    writeFileSync(file, 'wrong');
    const refused = await status('--url', origin, '--token-file', file);
    expect([refused.code, refused.stdout]).toEqual([1, expect.stringContaining('answered 401')]);
    expect(await status('--token-file', file)).toMatchObject({ code: 2 });
    expect(await status('--url', 'nowhere')).toMatchObject({ code: 2 });
    expect(await status('--url', 'http://127.0.0.1:1')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--token-file'),
    });
    expect(await status('--pid', 'x')).toMatchObject({ code: 2 });
    const missing = join(directory, 'none');
    expect(await status('--url', origin, '--token-file', missing)).toMatchObject({ code: 2 });
  });

  test('[I6.4] what is written down is private, goes with its observer, and is not believed of the dead', async () => {
    const observers = join(directory, 'observers');
    const [name = ''] = readdirSync(observers);
    expect(statSync(join(observers, name)).mode & 0o777).toBe(0o600);
    expect(statSync(observers).mode & 0o777).toBe(0o700);
    // Beyond the highest number that Linux gives: nobody has it.
    announceObserver(
      { system: 'dead', pid: 2 ** 22 + 1, url: 'http://127.0.0.1:9/#token=x' },
      observers,
    );
    writeFileSync(join(observers, 'garbage.json'), '{');
    // Its number was given to another process since: to this one, which began at another time.
    const reused = { system: 'reused', pid: process.pid, url: 'http://127.0.0.1:8/#token=x' };
    announceObserver(reused, observers);
    const reusedFile = join(observers, `${String(process.pid)}-8.json`);
    const written = JSON.parse(readFileSync(reusedFile, 'utf8')) as { readonly began: string };
    writeFileSync(reusedFile, JSON.stringify({ ...written, began: '1' }));
    // On another machine that shares this directory: nothing is known of it here, and nothing is taken away.
    const elsewhere = { ...written, pid: 2 ** 22 + 1, host: 'elsewhere' };
    writeFileSync(join(observers, 'elsewhere.json'), JSON.stringify(elsewhere));
    expect((await status('--pid', String(process.pid))).code).toBe(0);
    expect(readdirSync(observers).sort()).toEqual([name, 'elsewhere.json', 'garbage.json'].sort());
    await observer.close();
    expect(readdirSync(observers)).toEqual(['elsewhere.json', 'garbage.json']);
    const { code, stderr } = await status();
    expect([code, stderr]).toEqual([1, expect.stringContaining('observe(snakepit.system)')]);
  });

  test('[I6.4] one that does not answer is said not to', async () => {
    const gone = { system: 'gone', pid: process.pid, url: 'http://127.0.0.1:1/#token=x' };
    const forget = announceObserver(gone, join(directory, 'observers'));
    const { code, stdout } = await status();
    forget();
    expect([code, stdout]).toEqual([1, expect.stringMatching(/gone at .*: no answer \(/)]);
  });
});
