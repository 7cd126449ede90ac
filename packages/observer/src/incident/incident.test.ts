import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { exitReason } from '@snakepit/core';
import { keeper, light, quietSystem } from '../actors.fixture.ts';
import { observe } from '../observe.ts';
import type { IncidentsAnswer, IncidentSummary } from '../protocol.ts';
import { agrees, observed, shown, truth } from '../table-truth.fixture.ts';
import { TableMirror } from '../tree/table-mirror.ts';
import { ask, eventually, read } from '../viewer.fixture.ts';
import type { ObservedSystem } from '../server/observed-system.ts';
import { ChartBook } from '../server/chart-book.ts';
import { createShower } from '../shown/show.ts';
import { TreeFeed } from '../tree/tree-feed.ts';
import type { IncidentContent } from './incident-file.ts';
import { incidentPage } from './incident-page.ts';
import { IncidentShelf } from './incident-shelf.ts';
import { readIncident } from './read-incident.ts';

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'incidents-'));
  try {
    await run(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The table at the end of an incident. */
function lastTable({ lines }: IncidentContent): TableMirror {
  const mirror = new TableMirror();
  for (const line of lines) mirror.apply(line);
  return mirror;
}

describe('an incident', () => {
  test.each(['incident.html', 'incident.json'])(
    '[I6.6] is saved as %s for its owner only, and read back, equal to the truth',
    (name) =>
      observed((observer, system) =>
        inFolder(async (folder) => {
          const lamp = await system.start(light, undefined, { name: 'lamp' });
          const victim = await system.start(keeper, { password: 'hunter2' }, { name: 'victim' });
          const reader = await read(observer);
          await agrees(reader, system);
          system.send(lamp, { type: 'toggle' });
          system.exit(victim.pid, exitReason.custom('sabotage'));
          await reader.until(() => (reader.mirror.rows.size === 1 ? true : undefined));
          await agrees(reader, system);

          const file = join(folder, name);
          const summary = await observer.saveIncident(file, 'what <was> that?');
          expect((await stat(file)).mode & 0o777).toBe(0o600);
          expect(await readFile(file, 'utf8')).not.toContain('hunter2');

          const content = await readIncident(file);
          expect(content.title).toBe('what <was> that?');
          expect(Math.abs(content.wall - Date.now())).toBeLessThan(10_000);
          expect(content.lines[0]).toMatchObject({ k: 'hello', system: 'system' });
          const mirror = lastTable(content);
          expect(shown(mirror.rows)).toEqual(truth(system));
          const lives = content.lines.flatMap((line) => (line.k === 'life' ? line.list : []));
          expect(lives).toContainEqual(
            expect.objectContaining({ what: 'exited', path: 'victim', reason: 'sabotage' }),
          );
          // Nothing is told twice.
          expect(new Set(lives.map(({ seq }) => seq)).size).toBe(lives.length);
          const hash = mirror.rows.get(lamp.id)?.chart ?? '';
          expect(content.charts[hash]?.chart.id).toBe('light');
          expect(content.charts[hash]?.layout).toBeDefined();
          const told = await reader.until(() => {
            const lines = reader.lines.filter((line) => line.k === 'inc');
            return lines.length === 2 ? lines : undefined;
          });
          // The first one was kept by itself, when somebody ended abnormally.
          expect(told).toMatchObject([
            { title: 'victim ended: sabotage' },
            { id: summary.id, title: 'what <was> that?' },
          ]);
          reader.leave();
        }),
      ),
  );

  test('[I6.6] is a page that shows what happened, loads nothing and runs nothing', () =>
    observed((observer, system) =>
      inFolder(async (folder) => {
        system.exit(system.spawn(keeper, 0, { name: '<img src=x>' }), exitReason.custom('</td>'));
        const file = join(folder, 'page.html');
        await observer.saveIncident(file, '<script>alert(1)</script>');
        const html = await readFile(file, 'utf8');
        expect(html).toContain("default-src 'none'");
        expect(html).not.toContain('<script>alert');
        expect(html).not.toContain('<img');
        expect(html).toContain('&#60;img src=x&#62;');
        expect(html).not.toMatch(/(src|href)="(?!data:)/);
      }),
    ));

  test('[I6.6] can be shown by a script, which is allowed by its hash alone', async () => {
    const content = { title: 't', wall: 0, lines: [], charts: {} };
    const page = await incidentPage(content, { script: 'console.log(1)', style: 'p{}' });
    expect(page).toMatch(/script-src 'sha256-[\w+/=]{44}'/);
    expect(page).toContain('<script type="module">console.log(1)</script>');
  });

  test('[I6.6] can be asked for and kept over the wire', () =>
    observed(async (observer, system) => {
      await system.start(keeper, 0, { name: 'it' });
      const kept = await ask(observer, '/api/incidents', { body: { title: 'strange' } });
      const { id } = kept.json as IncidentSummary;
      await ask(observer, '/api/incidents', { body: {} });
      const { json } = await ask(observer, '/api/incidents');
      const { incidents } = json as IncidentsAnswer;
      expect(incidents.map(({ title }) => title)).toEqual([
        'kept by somebody who looked',
        'strange',
      ]);
      const page = await ask(observer, `/api/incidents/${id}`);
      expect(page.headers['content-disposition']).toBe(
        `attachment; filename="incident-${id}.html"`,
      );
      expect(page.text).toContain('<h1>strange</h1>');
      const data = await ask(observer, `/api/incidents/${id}?format=json`);
      expect(data.json).toMatchObject({ format: 'snakepit-incident', v: 1, title: 'strange' });
      expect((await ask(observer, '/api/incidents/77')).status).toBe(404);
    }));

  test('[I6.6] has the seconds after it, too, when they are over', async () => {
    const system = quietSystem();
    const observer = await observe(system, { record: 'messages' });
    try {
      const reader = await read(observer);
      system.exit(system.spawn(keeper, 0, { name: 'victim' }), exitReason.custom('sabotage'));
      // Its tree is kept now, long before what follows is over.
      await reader.until(() => reader.lines.find(({ k }) => k === 'inc'));
      const next = await system.start(keeper, 0, { name: 'next' });
      await next.call.get();
      await eventually(() => system.records.incidents[0]?.isComplete === true, 'it is complete');
      const { json } = await ask(observer, '/api/incidents/1?format=json');
      const { lines } = json as IncidentContent;
      const lives = lines.flatMap((line) => (line.k === 'life' ? line.list : []));
      expect(lives.map(({ what, path }) => `${what} ${path}`)).toEqual([
        'started victim',
        'exited victim',
        'started next',
      ]);
      const records = lines.flatMap((line) => (line.k === 'rec' ? line.list : []));
      expect(records.map(({ event }) => event)).toEqual(['get']);
    } finally {
      await system.stop();
    }
  });

  test('[I6.6] holds messages, without what was in them, when those are recorded', async () => {
    const system = quietSystem();
    const observer = await observe(system, { record: 'messages' });
    const server = await system.start(keeper, 0);
    await server.call.get();
    const kept = await ask(observer, '/api/incidents', { body: {} });
    const { id } = kept.json as IncidentSummary;
    const { json } = await ask(observer, `/api/incidents/${id}?format=json`);
    const { lines } = json as IncidentContent;
    const records = lines.flatMap((line) => (line.k === 'rec' ? line.list : []));
    expect(records).toContainEqual(
      expect.objectContaining({ event: 'get', kind: 'call', actor: server.pid.id }),
    );
    expect(records.some((record) => 'body' in record)).toBe(false);
    await system.stop();
  });

  test('[I6.6] keeps the trees of the last four, of older ones what happened', () =>
    observed(async (observer) => {
      for (let round = 0; round < 6; round += 1) {
        await ask(observer, '/api/incidents', { body: { title: String(round) } });
      }
      const { json } = await ask(observer, '/api/incidents');
      const { incidents } = json as IncidentsAnswer;
      expect(incidents).toHaveLength(6);
      const oldest = incidents.at(-1)?.id ?? '';
      expect((await ask(observer, `/api/incidents/${oldest}?format=json`)).json).toMatchObject({
        title: '0',
      });
    }));
});

test('[I6.6] the charts of an incident are laid out when it is noticed, not only when somebody saves it', async () => {
  const system = quietSystem();
  const stopRecording = system.records.recordLife();
  const charts = new ChartBook();
  const { show, ...shower } = createShower('full');
  const asked: string[] = [];
  const observed = {
    ...{ system, shower: { show, ...shower }, hello: () => ({ k: 'hello' }) },
    feed: new TreeFeed(system, 4, charts.hashOf, show),
    charts: {
      has: (hash: string) => charts.has(hash),
      drawable: (hash: string) => {
        asked.push(hash);
        return Promise.reject(new Error('not today'));
      },
    },
  } as unknown as ObservedSystem;
  try {
    await system.start(light, undefined, { name: 'lamp' });
    const shelf = new IncidentShelf(observed);
    expect([shelf.fresh(), asked]).toEqual([[], []]);
    system.exit(system.spawn(keeper, 0), exitReason.custom('sabotage'));
    await eventually(() => system.records.incidents.length === 1, 'an incident');
    expect(shelf.fresh()).toHaveLength(1);
    expect(asked).toHaveLength(1);
    // What cannot be drawn keeps nobody from saving the rest.
    expect(await shelf.content('1')).toMatchObject({ charts: {} });
  } finally {
    stopRecording();
    await system.stop();
  }
});

describe('readIncident()', () => {
  test.each([
    ['nothing', undefined],
    ['another page', '<!doctype html><p>hello'],
    ['another JSON', '{"format":"else"}'],
    ['broken JSON', '{'],
    ['lines that are none', '{"format":"snakepit-incident","v":1,"lines":[1],"charts":{}}'],
    ['no lines', '{"format":"snakepit-incident","v":1,"charts":{}}'],
    ['damaged data', '<script type="text/plain" id="incident">AAAA</script>'],
  ])('[I6.6] refuses %s', (_what, text) =>
    inFolder(async (folder) => {
      const file = join(folder, 'file');
      if (text !== undefined) await writeFile(file, text);
      await expect(readIncident(file)).rejects.toMatchObject({
        code: 'INCIDENT_UNREADABLE',
        details: expect.objectContaining({ file }),
      });
    }),
  );

  test('[I6.6] a file that cannot be written leaves nothing behind', () =>
    observed((observer) =>
      inFolder(async (folder) => {
        await expect(observer.saveIncident(join(folder, 'no/such/folder.html'))).rejects.toThrow(
          'ENOENT',
        );
      }),
    ));
});
