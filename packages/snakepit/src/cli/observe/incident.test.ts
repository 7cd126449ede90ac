import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createSystem, silentLogger } from '@snakepit/core';
import { observe } from '@snakepit/observer';
import { commandIn, counter } from './terminal.fixture.ts';

let directory: string;
const { type, viewing } = commandIn(() => directory);
const before = process.env['SNAKEPIT_STATE_DIR'];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'incident-'));
  process.env['SNAKEPIT_STATE_DIR'] = directory;
});
afterAll(() => {
  if (before === undefined) delete process.env['SNAKEPIT_STATE_DIR'];
  else process.env['SNAKEPIT_STATE_DIR'] = before;
  rmSync(directory, { recursive: true });
});

describe('snakepit observe of a saved incident', () => {
  test('[I6.7] moves in time: the tree as it was, and what had happened', async () => {
    const own = createSystem({ name: 'past', logger: silentLogger });
    const watched = await observe(own, { hz: 20, record: 'messages' });
    const file = join(directory, 'incident.json');
    const page = join(directory, 'incident.html');
    try {
      const stream = await fetch(`${new URL(watched.url).origin}/api/live`, {
        headers: { authorization: `Bearer ${new URL(watched.url).hash.slice(7)}` },
      });
      const rows = async (least: number): Promise<void> => {
        const deadline = Date.now() + 20_000;
        for (;;) {
          const { json } = await type(['--url', new URL(watched.url).origin, '--json']).then(
            ({ stdout }) => ({ json: JSON.parse(stdout) as { processes: unknown[] } }),
          );
          if (json.processes.length === least) return;
          if (Date.now() > deadline) throw new Error('not in time');
        }
      };
      const early = await own.start(counter, undefined, { name: 'early' });
      await rows(1);
      own.cast(early, { type: 'add' });
      await own.start(counter, undefined, { name: 'late' });
      await rows(2);
      own.cast(early, { type: 'crash' });
      await rows(1);
      await watched.saveIncident(file, 'it crashed');
      await watched.saveIncident(page, 'it crashed');
      await stream.body?.cancel();
    } finally {
      await watched.close();
      await own.stop();
    }
    await viewing(
      async (terminal) => {
        await terminal.shows(/^ it crashed: saved incident, moment (\d+) of \1,/);
        await terminal.shows(/ 1 late /);
        expect(terminal.text).not.toContain('early (genServer)');
        terminal.press('left');
        await terminal.shows(/ 1 early \(genServer\)[^]* 2 late /);
        expect(terminal.text).not.toContain('exited early');
        terminal.press('1', 'return');
        await terminal.shows(/ early {2}<\d+>[^]* messages\n {3}\S+ cast add: handled/);
        terminal.press('escape', '[');
        await terminal.shows(/moment 1 of /);
        expect(terminal.text).not.toContain('late');
        terminal.press(']', ']', 'right', 't');
        await terminal.shows(/moment (\d+) of \1,[^]*exited early: .*told to crash/);
      },
      ['incident.json'],
    );
    const printed = await type([page]);
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    expect(printed.stdout).toMatch(/^it crashed: saved incident[^]*exited early: .*told to crash/);
  });

  test('[I6.7] --page shows it to a browser until it is interrupted; of anything else it says what it is for', async () => {
    const content = { format: 'snakepit-incident', v: 1, title: 'it broke', lines: [], charts: {} };
    writeFileSync(join(directory, 'broke.json'), JSON.stringify({ ...content, wall: 0 }));
    const interrupts = new AbortController();
    let told = '';
    const ended = type(['broke.json', '--page'], undefined, interrupts.signal, (text) => {
      told += text;
    });
    const address = /^it broke\n {2}(http:\/\/127\.0\.0\.1:\d+\/\S{32})\n/;
    const deadline = Date.now() + 20_000;
    while (!address.test(told)) {
      if (Date.now() > deadline) throw new Error(`no address in: ${told}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const [, url = ''] = address.exec(told) ?? [];
    expect(await (await fetch(url)).text()).toContain('<h1>it broke</h1>');
    interrupts.abort();
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    await expect(fetch(url)).rejects.toThrow();
    // Interrupted before it began, it ends at once.
    expect((await type(['broke.json', '--page'], undefined, interrupts.signal)).code).toBe(0);
    for (const args of [['--page'], ['broke.json', '--page', '--json']]) {
      expect(await type(args)).toMatchObject({
        code: 2,
        stdout: '',
        stderr: expect.stringContaining('--page shows a saved incident'),
      });
    }
    expect(await type(['nowhere.json', '--page'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nowhere.json'),
    });
  });

  test('[I6.7] a file that is none says so', async () => {
    writeFileSync(join(directory, 'else.json'), '{}');
    expect(await type(['else.json'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('else.json'),
    });
    const json = await type(['nowhere.json', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'INCIDENT_UNREADABLE' } });
  });
});
