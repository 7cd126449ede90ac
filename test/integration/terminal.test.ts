import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { observe, type Observer } from '@snakepit/observer';
import type { Snakepit } from '@snakepit/python-bridge';
import { osPidOf, SnakepitBench, until } from '../fixtures/snakepit-bench.ts';

// The command as it is installed, in a real terminal: tmux keeps the screen that a person would see.
const MAIN = join(import.meta.dirname, '../../packages/snakepit/dist/cli/main.js');
const bench = new SnakepitBench();
const socket = bench.path('tmux');
const stateBefore = process.env['SNAKEPIT_STATE_DIR'];
let snakepit: Snakepit;
let observer: Observer;

function tmux(...args: string[]): string {
  const { status, stdout, stderr, error } = spawnSync('tmux', ['-S', socket, ...args], {
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm-256color' },
  });
  if (error !== undefined) {
    throw new Error('tmux is missing.\nRemedy: node scripts/debian-packages.mjs tmux', {
      cause: error,
    });
  }
  if (status !== 0) throw new Error(`tmux ${args.join(' ')}: ${stderr}`);
  return stdout;
}
const screen = (): string => tmux('capture-pane', '-p');
const press = (...keys: string[]): string => tmux('send-keys', ...keys);
/** Waits until the screen shows it. */
async function shows(expected: RegExp): Promise<string> {
  let text = '';
  const seen = () => {
    text = screen();
    return expected.test(text) ? text : undefined;
  };
  return until(seen, `${String(expected)} on the screen`).catch((error: unknown) => {
    throw new Error(`not seen: ${String(expected)}\n${text}`, { cause: error });
  });
}
const start = (): string =>
  press(`'${process.execPath}' '${MAIN}' observe; echo "ended with $?"`, 'Enter');

beforeAll(async () => {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing; run \`npm run build\` first`);
  process.env['SNAKEPIT_STATE_DIR'] = bench.stateDir;
  snakepit = await bench.start({ size: 2 });
  observer = await observe(snakepit.system);
  tmux('-f', '/dev/null', 'new-session', '-d', '-x', '140', '-y', '40', 'env PS1="ready> " sh');
  await shows(/ready>/);
  press('echo what was here before', 'Enter');
}, 60_000);

afterAll(async () => {
  try {
    if (existsSync(socket)) tmux('kill-server');
  } finally {
    await (observer as Observer | undefined)?.close();
    if (stateBefore === undefined) delete process.env['SNAKEPIT_STATE_DIR'];
    else process.env['SNAKEPIT_STATE_DIR'] = stateBefore;
    await bench.close();
  }
}, 60_000);

test('[I6.7] a person looks at a running Snakepit in a terminal', async () => {
  start();
  const osPid = osPidOf(snakepit);
  // What changes by itself, or comes in pieces, is waited for as a whole: the page is drawn once a second.
  const tree = await shows(
    new RegExp(
      `^ snakepit: http://127\\.0\\.0\\.1:\\d+, process \\d+, live[^]*` +
        `grpcWorker \\(worker\\) +ready\\.idle .* ${String(osPid)} `,
    ),
  );
  expect(tree).not.toContain('what was here before');
  expect(tree.indexOf('default (supervisor)')).toBeLessThan(
    tree.indexOf('default_worker_1 (superv'),
  );

  // By memory the two Python workers come first, once they have been measured.
  press('s', 's', 's');
  await shows(/top by memory/);
  await shows(
    / 1 …\/default_worker_\d\/grpcWorker .*\d+\.\dM[^\n]*\n +2 …\/default_worker_\d\/grpcWorker .*\d+\.\dM/,
  );
  press('s');
  await shows(/top by latency/);
  await shows(/ 1 …\/default_worker_\d\/grpcWorker/);

  await snakepit.execute('add', { a: 1, b: 2 });
  press('w');
  await shows(/ pool default: running\.serving\n[^]*size 2, ready 2/);

  press('t');
  const inTree = /^ +(\d+) +grpcWorker \(worker\) .* \d+ [^]* tree \|/m;
  const [, line = ''] = inTree.exec(await shows(inTree)) ?? [];
  press(line, 'Enter');
  const detail = await shows(
    / worker grpcWorker, incarnation 1, 0 restarts\n state ready\.idle, waiting, 0 messages wait\n os process \d+, memory /,
  );
  await shows(/ what happened\n[^]* last messages\n[^]* context\n/);

  // Killed: it dies, and its path goes on with another process.
  process.kill(Number(/ os process (\d+)/.exec(detail)?.[1]), 'SIGKILL');
  await shows(
    / worker grpcWorker, incarnation 2, 1 restarts\n[^]* its predecessor: .*WORKER_CRASHED.* it was ended by SIG/,
  );
  await shows(/ exited [^\n]*grpcWorker[^]* restarted [^\n]*grpcWorker \(2\)/);
  press('t');
  await shows(/grpcWorker \(worker\) +ready\.idle +waiting +1 /);

  // Narrow: what has no room is left out.
  tmux('resize-window', '-x', '60', '-y', '20');
  await shows(/# PROCESS +STATE +STATUS\n/);
  tmux('resize-window', '-x', '140', '-y', '40');
  await shows(/ LATENCY +OS PID/);

  press('q');
  const restored = await shows(/ended with 0/);
  expect(restored).toContain('what was here before');
  expect(restored).not.toContain('PROCESS');
  expect(tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}')).toBe('0 1\n');
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('[I6.7] %s gives the terminal back, too', async (signal, code) => {
  press('clear', 'Enter');
  start();
  await shows(/ PROCESS +STATE/);
  const shell = tmux('display-message', '-p', '#{pane_pid}').trim();
  const children = readFileSync(`/proc/${shell}/task/${shell}/children`, 'utf8').trim();
  process.kill(Number(children), signal);
  await shows(new RegExp(`ended with ${String(code)}`));
  expect(tmux('display-message', '-p', '#{alternate_on} #{cursor_flag}')).toBe('0 1\n');
  // The shell hears keys again, and shows them.
  press('echo typed-$((40+2))', 'Enter');
  expect(await shows(/typed-42/)).toContain('echo typed-$((40+2))');
});
