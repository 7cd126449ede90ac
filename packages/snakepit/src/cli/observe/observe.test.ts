import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import type { ActorSystem, Pid } from '@snakepit/core';
import { announceObserver, observe, type Observer } from '@snakepit/observer';
import { commandIn, counter, FakeTerminal } from './terminal.fixture.ts';

let directory: string;
let system: ActorSystem;
let observer: Observer;
let pid: Pid;
const { type, viewing } = commandIn(() => directory);
const before = process.env['SNAKEPIT_STATE_DIR'];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'observe-'));
  process.env['SNAKEPIT_STATE_DIR'] = directory;
  system = createSystem({ name: 'shop', logger: silentLogger });
  system.observation.addSource({
    name: 'python',
    panels: () => ({
      pools: [{ name: 'default', state: 'serving', size: 2, latency: { p50Ms: 1.234 } }],
      calls: {
        slowest: [{ tool: 'add', pool: 'default', worker: 'w1', durationMs: 12.345 }],
        failing: [{ tool: 'sub', pool: 'default', durationMs: 1, code: 'E', message: 'no' }],
      },
    }),
  });
  observer = await observe(system);
  ({ pid } = await system.start(counter, undefined, { name: 'till' }));
});
afterAll(async () => {
  await observer.close();
  await system.stop();
  if (before === undefined) delete process.env['SNAKEPIT_STATE_DIR'];
  else process.env['SNAKEPIT_STATE_DIR'] = before;
  rmSync(directory, { recursive: true });
});

describe('snakepit observe without a terminal', () => {
  test('[I6.7] prints one table, and the token nowhere', async () => {
    const { code, stdout, stderr } = await type([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^shop: http:\/\/127\.0\.0\.1:\d+, process \d+, live\n +# PROCESS /);
    expect(stdout).toMatch(/^ +1 till \(genServer\) +waiting /m);
    expect(stdout).toMatch(/^ \d\d:\d\d:\d\d\.\d{3} started till$/m);
    expect(stdout).not.toContain(new URL(observer.url).hash.slice(7));
  });

  test('[I6.7] --json, --dot', async () => {
    const { code, stdout } = await type(['--json', '--pid', String(process.pid)]);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      0,
      { ok: true, system: 'shop', processes: [{ path: 'till', pid: pid.id }] },
    ]);
    expect(await type(['--dot'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^digraph processes \{[^]* n\d+ \[label="till\\ngenServer\\n/),
    });
  });

  test('[I6.7] which system is meant must be clear', async () => {
    const other = { system: 'other', pid: process.pid, url: 'http://127.0.0.1:1/#token=x' };
    const forget = announceObserver(other, join(directory, 'observers'));
    const unclear = await type([]);
    const gone = await type(['--url', 'http://127.0.0.1:1']);
    forget();
    expect(unclear.code).toBe(2);
    expect(unclear.stderr).toContain(
      `  other at http://127.0.0.1:1: --pid ${String(process.pid)}\n`,
    );
    expect([gone.code, gone.stderr]).toEqual([
      1,
      expect.stringMatching(/^error: other at .*: .+\n/),
    ]);
    expect(await type(['--url', 'nowhere'])).toMatchObject({ code: 2, stdout: '' });
    expect(await type(['--pid', '1'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('observe(snakepit.system)'),
    });
    const token = join(directory, 'token');
    writeFileSync(token, 'wrong');
    const { origin } = new URL(observer.url);
    expect(await type(['--url', origin, '--token-file', token])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the observer refuses (401): the token is missing or wrong'),
    });
  });
});

describe('snakepit observe on a terminal', () => {
  test('[I6.7] one process: state, context, last messages, and how its path goes on', () =>
    viewing(async (terminal) => {
      await terminal.shows(/ 1 till \(genServer\)/);
      system.cast(pid, { type: 'add' });
      terminal.press('1', 'return');
      await terminal.shows(/ till {2}<\d+>\n genServer counter, incarnation 1, 0 restarts/);
      await terminal.shows(/ context\n {3}count: 1\n {3}password: \[redacted\]/);
      await terminal.shows(/ last messages\n {3}\S+ cast add/);
      await terminal.shows(/ what happened\n {3}\S+ started till/);
      terminal.press('p');
      system.cast(pid, { type: 'add' });
      await terminal.shows(/PAUSED/);
      terminal.press('p');
      await terminal.shows(/count: 2/);
      system.cast(pid, { type: 'crash' });
      await terminal.shows(/It is gone\.\n.* started till\n.* exited till: .*told to crash/);
      ({ pid } = await system.start(counter, undefined, { name: 'till' }));
      await terminal.shows(/ till {2}<\d+>\n genServer counter, incarnation 2, /);
      await terminal.shows(/its predecessor: .*told to crash/);
    }));

  test('[I6.7] who is busy, pools, help, another width, another interval', () =>
    viewing(async (terminal) => {
      terminal.press('i', '1', '0', '0', 'return', 's', 's');
      await terminal.shows(/top by turns/);
      const busy = setInterval(() => {
        system.cast(pid, { type: 'add' });
      }, 5);
      try {
        await terminal.shows(/ 1 till +waiting +waiting +\d+ +\d+ +[1-9]\d* /);
      } finally {
        clearInterval(busy);
      }
      terminal.press('w');
      await terminal.shows(/ pool default: serving\n {3}size 2\n {3}latency p50Ms 1\.23\n/);
      await terminal.shows(/ slowest calls\n {3}12\.35 ms add in default by w1\n/);
      await terminal.shows(/ failing calls\n {3}1 ms sub in default by - E: no/);
      terminal.press('?');
      await terminal.shows(/q {2}quit/);
      terminal.press('t');
      await terminal.shows(/ LATENCY/);
      terminal.resize(40);
      await terminal.shows(/# PROCESS$/m);
      expect(Math.max(...terminal.picture.map(({ text }) => text.length))).toBe(40);
    }));

  test('[I6.7] an interrupt, and a picture that fails, give the terminal back', async () => {
    const terminal = new FakeTerminal();
    const interrupts = new AbortController();
    const ended = type([], terminal, interrupts.signal);
    await terminal.shows(/ till /);
    interrupts.abort();
    expect([(await ended).code, terminal.isOpen]).toEqual([0, false]);
    const late = new FakeTerminal();
    expect([(await type([], late, interrupts.signal)).code, late.isOpen]).toEqual([0, false]);
    const broken = new FakeTerminal();
    broken.show = () => {
      throw new Error('of the terminal');
    };
    await expect(type([], broken)).rejects.toThrow('the picture could not be made');
    expect(broken.isOpen).toBe(false);
  });

  test('[I6.7] a connection that is lost is looked for again; a system that stops stays as it was', async () => {
    const other = createSystem({ name: 'other', logger: silentLogger });
    // Seen through a relay, so by another port.
    const first = await observe(other, { names: ['127.0.0.1'] });
    const sockets = new Set<Socket>();
    const relay = createServer((socket) => {
      const onward = connect(first.port, '127.0.0.1');
      for (const one of [socket, onward]) one.on('error', () => undefined);
      socket.pipe(onward).pipe(socket);
      sockets.add(socket).add(onward);
    });
    await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${String((relay.address() as AddressInfo).port)}`;
    const file = join(directory, 'token');
    writeFileSync(file, first.url, { mode: 0o600 });
    await viewing(
      async (terminal) => {
        await terminal.shows(/^ other: .*, live/);
        terminal.press('i', '1', '0', '0', 'return');
        for (const socket of sockets) socket.destroy();
        await terminal.shows(/^ other: .*, connection lost, trying again/);
        await terminal.shows(/^ other: .*, live/);
        await other.start(counter, undefined, { name: 'born later' });
        await terminal.shows(/ 1 born later /);
        await other.stop();
        await terminal.shows(/^ other: .*, the system stopped/);
      },
      ['--url', url, '--token-file', file],
    );
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => relay.close(resolve));
  });
});
